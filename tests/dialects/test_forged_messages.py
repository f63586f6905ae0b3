"""Messages that are none of ours, to every queue's handler: nothing changes, and what nobody can read is put aside."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from chalice.test import Client

import app
from chalicelib import workers
from chalicelib.core.ids import AccountId
from chalicelib.service.defects import HandlerFailed
from tests.dialects.conftest import Log
from tests.dialects.things import ACCOUNT, Things

Written = Callable[[str], Any]

FORGER = AccountId("forger")
HANDLERS: Mapping[str, Written] = {
    "advance_runs": lambda key: {"run": key},
    "advance_bulk_runs": lambda key: {"run": key},
    "restart_dead_letters": lambda key: {"runs": [[key, 0]]},
    "work_batches": lambda key: {"batch": key},
}
JUNK = (
    "",
    "\x00",
    "null",
    "[]",
    "{",
    "<run/>",
    '{"run": {"S": "acme#1"}, "runs": {}, "batch": ["acme#1"]}',
    '{"kind": "drop_table", "table": "reprise-runs-prod"}',
    '{"version": 0, "runId": "acme#1", "batchId": "acme#1"}',
    '{"run": NaN, "runs": Infinity, "batch": 1e400}',
    '{"batch": "acme#1", "job": "1; DROP TABLE"}',
    '{"batch": "acme#1", "job": true}',
    "9" * 5_000,
    "[" * 500_000,
    '{"run": "' + "x" * (1 << 20) + '"}',
)
KEYS = ("", "#", "acme", "acme#", "acme#\ud800", "acme#\x00", "acme#\u202e", "acme# ", "acme#" + "x" * 2_049)


def event(*bodies: str) -> Any:
    messages = [{"messageId": f"m{number}", "receiptHandle": "r", "body": it} for number, it in enumerate(bodies)]
    return {"Records": [{**message, "eventSource": "aws:sqs"} for message in messages]}


def left_by(handler: str, *bodies: str) -> list[str]:
    """Let a handler have messages, and answer which of them stay in its queue."""
    with Client(app.app) as client:
        answer = client.lambda_.invoke(handler, event(*bodies)).payload
    return [failed["itemIdentifier"] for failed in answer["batchItemFailures"]]


@pytest.mark.parametrize("handler", HANDLERS)
def test_what_nobody_can_read_is_put_aside_with_a_line_in_the_log(known: Things, log: Log, handler: str) -> None:
    before, bodies = known.standing(), [*JUNK, *(json.dumps(HANDLERS[handler](key)) for key in KEYS)]

    left = left_by(handler, *bodies)

    assert left == [f"m{number}" for number in range(len(bodies))]
    assert [(line["id"], line["refusal"]) for line in log.lines] == [(id_, "message_invalid") for id_ in left]
    assert known.standing() == before


@pytest.mark.parametrize("handler", HANDLERS)
def test_one_account_s_runs_under_another_one_s_name_are_nobodys(known: Things, handler: str) -> None:
    before = known.standing()
    realms = (FORGER, f"{ACCOUNT}@test", f"{ACCOUNT}#{FORGER}", FORGER[:1])
    bodies = [json.dumps(HANDLERS[handler](f"{realm}#{id_}")) for realm in realms for id_ in known.ids]

    assert left_by(handler, *bodies) == []
    assert known.standing() == before
    known.world.settle()


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_look_that_nothing_asked_for_changes_nothing(known: Things, handler: str) -> None:
    known.world.settle()
    before = known.standing()
    bodies = [json.dumps(HANDLERS[handler](f"{ACCOUNT}#{id_}")) for id_ in known.ids if id_ not in batches(known)]

    assert left_by(handler, *bodies) == []
    known.world.settle()
    assert known.standing() == before


def batches(known: Things) -> set[str]:
    return {row["pk"]["S"].partition("#")[2] for row in known.world.rows("batches")}


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_defect_of_ours_leaves_the_message_in_its_queue(
    known: Things, monkeypatch: pytest.MonkeyPatch, handler: str
) -> None:
    def broken() -> workers.Workers:
        raise ZeroDivisionError

    monkeypatch.setattr(workers, "workers", broken)

    with pytest.raises(HandlerFailed, match="ZeroDivisionError"):
        left_by(handler, json.dumps(HANDLERS[handler]("acme#1")))
