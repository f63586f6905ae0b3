"""A head as a row and back, whatever it holds."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.causes import Cause
from chalicelib.core.ids import AccountId, ActivityId, DeadLetterId, DefinitionKey, RunId, SnapshotId
from chalicelib.core.overrides import Overrides
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import Lease, Lineage, Run, RunStatus, Tries
from chalicelib.stores.run_rows import row_of, run_from, summary_from
from chalicelib.stores.run_tables import SUMMARY, RunRow
from chalicelib.stores.shards import Shards
from tests.stores.plans import moved, planned
from tests.stores.values import failures, starts, texts, times, variables

SHARDS = Shards(lists=3, due=4)
run_ids = st.uuids().map(str).map(RunId)
counts = st.integers(0, 10_000)
seconds = st.floats(0, 1e6)

runs = st.builds(
    Run,
    account=st.sampled_from(["acme", "other"]).map(AccountId),
    id=run_ids,
    definition=texts.map(DefinitionKey),
    snapshot=texts.map(SnapshotId),
    version=st.none() | counts,
    status=st.sampled_from(RunStatus),
    input=variables,
    variables=variables,
    start=starts,
    lineage=st.builds(Lineage, run_ids, st.none() | run_ids, counts, st.builds(Cause, texts, texts, texts, texts)),
    request_hash=texts,
    created_at=times,
    updated_at=times,
    journal_length=counts,
    business_key=st.none() | texts,
    labels=st.sets(texts.filter(bool)).map(sorted).map(tuple),
    overrides=st.builds(Overrides, st.none() | counts, st.none() | seconds, seconds),
    started_at=st.none() | times,
    ended_at=st.none() | times,
    failure=st.none() | failures,
    dead_letter=st.none() | texts.filter(bool).map(DeadLetterId),
    revision=counts,
    claims=counts,
    lease=st.none() | st.builds(Lease, texts.filter(bool), times),
    tries=st.dictionaries(counts, st.builds(Tries, counts, times), max_size=3),
    not_before=st.none() | times,
    wake_at=st.none() | times,
    waiting_for=st.sets(texts.filter(bool).map(ActivityId)).map(sorted).map(tuple),
    waiting_since=st.none() | times,
    waited_ms=counts,
)


def kept(run: Run, *names: str) -> RunRow:
    """Answer a run's row as DynamoDB would give it back: all of it, or these attributes."""
    written = row_of(run, SHARDS, writer="w").serialize()
    row = RunRow()
    row.deserialize({name: value for name, value in written.items() if not names or name in names})
    return row


@given(runs)
def test_a_run_is_read_as_it_was_written(run):
    assert repr(run_from(kept(run))) == repr(run)


@pytest.mark.parametrize("value", [1, 1.0])
def test_variables_that_equal_the_input_in_python_but_not_in_json_are_kept(value):
    run = moved(planned(input={"flag": True}).run, variables={"flag": value})

    assert repr(run_from(kept(run)).variables) == repr({"flag": value})


@given(runs)
def test_an_index_holds_enough_of_a_run_for_its_summary(run):
    summary = summary_from(kept(run, "created", *SUMMARY))

    told = {field.name: getattr(run, field.name) for field in fields(RunSummary)}
    assert summary == RunSummary(**told)
