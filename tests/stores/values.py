"""Random values of the core, as stores must keep them."""

from hypothesis import strategies as st

from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.journal import Closed, Entry, Failure, Input, Opened, Output, Performed, Signal, SignalName
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.operations import MAX_INTEGER
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place, Start

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
variables: st.SearchStrategy[Variables] = st.dictionaries(texts, json_values, max_size=4)

times = st.integers(0, 2**43)
_indexes = st.integers(0, 10_000)
_ids = st.text("abcxyz_0123456789", min_size=1, max_size=12)
activities = _ids.map(ActivityId)
failures = st.builds(Failure, _ids, _ids, texts)

entries: st.SearchStrategy[Entry] = st.one_of(
    st.builds(Input, variables, times),
    st.builds(
        Performed,
        activities,
        _indexes,
        times,
        result=json_values,
        writes=st.none() | variables,
        failure=st.none() | failures,
    ),
    st.builds(Opened, activities, _indexes, times, due=st.none() | times),
    st.builds(Closed, _indexes, times, result=json_values, writes=st.none() | variables),
    st.builds(Signal, st.sampled_from(SignalName), times, texts),
    st.builds(Output, times, variables=st.none() | variables, failure=st.none() | failures),
)
places: st.SearchStrategy[Place] = st.one_of(
    st.builds(BeforeActivity, activities),
    st.builds(AfterActivity, activities),
    st.builds(AlongTransition, _ids.map(TransitionId)),
)
starts = st.builds(Start, st.lists(places, max_size=4).map(tuple), st.booleans(), st.booleans())
