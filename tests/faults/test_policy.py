"""Whatever a function asks of AWS in any schedule, its policy allows; and it allows little else.

The first half is a promise that every schedule keeps (`Play.look`). Here is the second: what no scenario needs.
"""

import pytest

from tests.permissions import Permission, forbidden, given

FEEDS = {
    "advance_runs": "RunsQueue",
    "advance_bulk_runs": "BulkRunsQueue",
    "restart_dead_letters": "DispatchQueue",
    "work_batches": "BatchesQueue",
}
FEEDING = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
"""What Lambda itself asks in a function's name."""

AFTER_A_LOST_ANSWER = {Permission("dynamodb:GetItem", "JournalTable")}
"""Was it we who wrote this entry?"""

RARE = {
    "sweep": {Permission("sqs:SendMessage", "BulkRunsQueue")},  # of runs that were made together, a ring was lost
    "advance_runs": AFTER_A_LOST_ANSWER,
    "advance_bulk_runs": AFTER_A_LOST_ANSWER,
    "work_batches": {
        Permission("dynamodb:ConditionCheckItem", "BatchesTable"),  # a job of more than one transaction
        Permission("dynamodb:UpdateItem", "DeadLettersTable"),  # a source that failed: its dead letter is consumed
        Permission("dynamodb:PutItem", "DeadLettersTable"),  # a run that fails as it is born
        Permission("dynamodb:GetItem", "AccountsTable"),  # … how long its dead letter is kept
        Permission("dynamodb:GetItem", "RunsTable"),  # a canceled run that stands in a line
        Permission("dynamodb:GetItem", "SlotsTable"),  # … the line
        Permission("dynamodb:DeleteItem", "SlotsTable"),  # … which is empty then
        Permission("sqs:SendMessage", "RunsQueue"),  # … or whose next one is rung for
    },
}


@pytest.fixture(scope="module")
def used(plays) -> set[tuple[str, Permission]]:
    """Whatever is needed when nothing goes wrong."""
    return {one for play in plays for one in play.used}


@pytest.mark.xdist_group("plays")
@pytest.mark.parametrize("function", [*FEEDS, "sweep"])
def test_a_function_may_do_what_it_needs_and_little_else(used, function):
    queue = FEEDS.get(function)
    feeding = {Permission(action, queue) for action in FEEDING} if queue else set()
    workers = {"advance_runs", "advance_bulk_runs"}
    needed = {it for name, it in used if name == function or {name, function} <= workers}

    assert given(function) - needed - feeding == RARE.get(function, set())


@pytest.mark.parametrize(
    ("name", "request_", "told"),
    [
        ("dynamodb.GetItem", {"TableName": "reprise-keys-test"}, Permission("dynamodb:GetItem", "KeysTable")),
        (
            "dynamodb.Query",
            {"TableName": "reprise-runs-test", "IndexName": "by_account"},
            Permission("dynamodb:Query", "RunsTable/index/by_account"),
        ),
        (
            "dynamodb.TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "reprise-dead-letters-test"}}]},
            Permission("dynamodb:PutItem", "DeadLettersTable"),
        ),
        (
            "sqs.SendMessageBatch",
            {"QueueUrl": "x/reprise-dispatch-test"},
            Permission("sqs:SendMessage", "DispatchQueue"),
        ),
    ],
)
def test_what_a_policy_does_not_give_is_told(name, request_, told):
    assert forbidden("sweep", name, request_) == {told}
