"""Places in sub-processes: those of one scope share it, and which scope is meant must never be open."""

import pytest

from chalicelib.core.beginnings import check_places
from chalicelib.core.definition_documents import read_definition
from chalicelib.core.definitions import EndEvent
from chalicelib.core.ids import ActivityId
from chalicelib.core.json_values import Json
from chalicelib.core.refusals import ElementUnknown, ScopeAmbiguous
from chalicelib.core.replay import begin
from chalicelib.core.state import AfterActivity, BeforeActivity, Place, Start
from tests.graphs import Ask, Sub, document, steps

DEFINITION = read_definition(document(steps(Sub(steps(Ask("b"), Sub(Ask("c")))), Ask("d"))))
OUTER, INNER = DEFINITION.parents(ActivityId("c"))


def before(activity: str) -> Place:
    return BeforeActivity(ActivityId(activity))


@pytest.mark.parametrize(
    "places",
    [
        [],
        [before("d"), before("d")],
        [before("b"), before("c"), before("b"), AfterActivity(ActivityId("b"))],
        [before(OUTER), before(OUTER)],
        [before(OUTER), before("b")],
        [before("b"), before("d"), before(OUTER)],
        [before(INNER), before(INNER), before("b")],
    ],
)
def test_that_leave_nothing_open_are_taken(places):
    check_places(DEFINITION, places)


@pytest.mark.parametrize(
    ("places", "scope"),
    [
        ([before(OUTER), before(OUTER), before("b")], OUTER),
        ([before("b"), before(OUTER), before("c")], OUTER),
        ([before("b"), before(OUTER), AfterActivity(ActivityId("b"))], OUTER),
        ([before(INNER), before(INNER), before("c")], INNER),
    ],
)
def test_that_may_be_in_either_of_two_scopes_are_refused(places, scope):
    with pytest.raises(ScopeAmbiguous) as refused:
        check_places(DEFINITION, places)

    assert refused.value.details == {"scope": scope}


def test_that_nobody_knows_are_refused_first():
    with pytest.raises(ElementUnknown):
        check_places(DEFINITION, [before(OUTER), before(OUTER), before("x")])


def standing(*places: Place) -> list[tuple[str, int]]:
    """Answer where tokens stand that begin at these places: the activity, and its scope."""
    state = begin(DEFINITION, Start(places), {})
    return [(token.activity, token.scope) for token in sorted(state.tokens.values(), key=lambda token: token.id)]


def test_a_place_in_a_sub_process_that_a_place_before_it_began_is_in_the_same_scope():
    assert standing(before(OUTER), before("b")) == [(OUTER, 0), ("b", 1), ("b", 1)]
    assert standing(before("c"), before("b")) == [(OUTER, 0), (INNER, 1), ("c", 2), ("b", 1)]


def test_a_sub_process_that_is_begun_twice_has_two_scopes():
    assert standing(before(OUTER), before(OUTER)) == [(OUTER, 0), ("b", 1), (OUTER, 0), ("b", 2)]


def test_a_run_hears_of_its_end_once_all_of_its_places_have_ended():
    counted: Json = {"set": {"ended": "${(ended if exists(ended) else 0) + 1}"}}
    listened: Json = {**document(steps(Ask("d"))), "on_end": [counted]}
    definition = read_definition(listened)
    end = next(id_ for id_, activity in definition.activities.items() if isinstance(activity.kind, EndEvent))

    for places in ([end], [end, end], [end, end, end]):
        state = begin(definition, Start(tuple(map(before, places))), {})
        assert (state.tokens, state.variables) == ({}, {"ended": 1})
