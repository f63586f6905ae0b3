from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.ids import AccountId, RunId
from chalicelib.stores.shards import Shards, run_key

run_ids = st.uuids().map(str).map(RunId)
counts = st.integers(1, 20)


@given(run_ids, counts, counts)
def test_a_run_s_shards_are_among_those_that_readers_read(run_id, lists, due):
    shards = Shards(lists, due)

    assert shards.of("acme", run_id) in shards.all("acme")
    assert shards.due_of(run_id) in shards.all_due()


@given(run_ids, counts, counts)
def test_whoever_reads_more_shards_still_finds_what_was_written_to_fewer(run_id, fewer, more):
    before, after = Shards(fewer, fewer), Shards(fewer + more, fewer + more)

    assert before.of("acme", run_id) in after.all("acme")
    assert before.due_of(run_id) in after.all_due()


def test_runs_are_spread_over_all_shards():
    shards = Shards(4, 4)
    runs = [RunId(f"run-{n}") for n in range(100)]

    assert {shards.of("acme", run) for run in runs} == set(shards.all("acme"))
    assert {shards.due_of(run) for run in runs} == set(shards.all_due())


def test_a_run_s_key_begins_with_its_account():
    assert run_key(AccountId("acme"), RunId("r1")) == "acme#r1"
