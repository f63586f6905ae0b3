import pytest

from chalicelib.core.ids import DefinitionKey, RunId, SnapshotId
from chalicelib.core.run_summaries import RunFilter, RunSummary, list_position
from chalicelib.core.runs import Lineage, RunStatus
from tests.core.sources import CAUSE, SOURCE

SUMMARY = RunSummary(
    id=SOURCE,
    definition=DefinitionKey("order"),
    version=1,
    snapshot=SnapshotId("snap_1"),
    status=RunStatus.FAILED,
    business_key="order-7",
    labels=("blue", "red"),
    lineage=Lineage(SOURCE, None, 1, CAUSE),
    failure=None,
    dead_letter=None,
    journal_length=1,
    created_at=1_000,
    updated_at=1_000,
    started_at=None,
    ended_at=None,
)


@pytest.mark.parametrize(
    ("asked", "is_kept"),
    [
        (RunFilter(), True),
        (RunFilter(status=RunStatus.FAILED, business_key="order-7", label="red"), True),
        (RunFilter(status=RunStatus.COMPLETED, business_key="order-7"), False),
        (RunFilter(business_key="order-8", label="red"), False),
        (RunFilter(label="green"), False),
        (RunFilter(label="blu"), False),
    ],
)
def test_a_filter_keeps_a_run_of_which_all_holds_that_it_names(asked: RunFilter, is_kept: bool):
    assert asked.keeps(SUMMARY) is is_kept


def test_runs_are_listed_by_time_and_two_of_one_time_by_id():
    later, one, other = list_position(10_000, RunId("a")), list_position(9_999, RunId("b")), SUMMARY.position

    assert sorted([later, one, other]) == [other, one, later]
    assert list_position(1_000, RunId("0")) < other == list_position(1_000, SOURCE)
