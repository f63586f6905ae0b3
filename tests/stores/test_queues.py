"""The doorbell: rings that are taken, rings that are not, and messages that are none of ours."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import NoCredentialsError

from chalicelib.stores.queues import MessageInvalid, Ring, RunQueue, read_message
from tests.backends import on_moto
from tests.stores.faults import SILENCES, refusal
from tests.world import MINUTE, World

SEND = "sqs.SendMessageBatch"


@pytest.fixture
def queue(world: World) -> RunQueue:
    return world.services.sweep.doorbell.queue


def rings(count: int) -> Iterable[Ring]:
    return (Ring(f"acme#{n}") for n in range(count))


def rung(world: World) -> list[str]:
    return [read_message(message["Body"]) for message in world.messages()]


class TestRinging:
    @pytest.mark.parametrize(("count", "batches"), [(0, 0), (1, 1), (10, 1), (11, 2), (95, 10)])
    def test_takes_one_call_for_ten(self, world, queue, calls, count, batches):
        assert queue.put(rings(count)) == count

        assert calls.made == [SEND] * batches
        assert sorted(rung(world)) == sorted(ring.key for ring in rings(count))

    def test_may_be_heard_later(self, world, queue):
        queue.put([Ring("acme#1", delay_s=60)])

        assert rung(world) == []
        world.clock.advance(MINUTE)
        assert rung(world) == ["acme#1"]

    @pytest.mark.parametrize(
        "error",
        [refusal("AWS.SimpleQueueService.NonExistentQueue"), refusal("AccessDenied")],
        ids=["no queue", "not allowed"],
    )
    def test_never_raises_for_aws_s_sake_and_counts_what_was_taken(self, world, queue, faults, error):
        faults.refuse(SEND, [error] * 2)

        taken = queue.put(rings(14))

        assert taken == 4
        assert len(rung(world)) == 4

    @pytest.mark.parametrize("error", [SILENCES[0], NoCredentialsError()], ids=["silence", "no credentials"])
    def test_gives_up_a_batch_that_aws_cannot_be_asked_to_take(self, queue, faults, error):
        faults.refuse(SEND, [error] * 8)

        assert queue.put(rings(3)) == 0

    @on_moto  # the SDK serves us its hooks there alone
    @pytest.mark.parametrize(
        ("dropped", "sizes", "taken"),
        [([{"1", "7"}], [10, 2], 10), ([{"1", "7"}, {"0"}], [10, 2], 9)],
        ids=["once", "twice"],
    )
    def test_sends_entries_that_were_not_taken_once_more_by_themselves(self, world, queue, dropped, sizes, taken):
        service = Forgetful(queue.client(), dropped)

        assert queue.put(rings(10)) == taken

        assert service.sizes == sizes
        assert len(set(rung(world))) == taken


class Forgetful:
    """An SQS that does not take the entries of these ids, call by call, and says so."""

    def __init__(self, client: BaseClient, dropped: Sequence[set[str]]) -> None:
        self.sizes: list[int] = []
        self._todo = iter(dropped)
        self._dropped: list[str] = []
        client.meta.events.register(f"before-parameter-build.{SEND}", self._drop)
        client.meta.events.register(f"after-call.{SEND}", self._tell)

    def _drop(self, params: dict[str, Any], **_: object) -> None:
        entries, dropped = params["Entries"], next(self._todo, set())
        self.sizes.append(len(entries))
        self._dropped = [entry["Id"] for entry in entries if entry["Id"] in dropped]
        params["Entries"] = [entry for entry in entries if entry["Id"] not in dropped]

    def _tell(self, parsed: dict[str, Any], **_: object) -> None:
        parsed["Failed"] = [{"Id": id_, "SenderFault": False, "Code": "InternalError"} for id_ in self._dropped]


class TestAMessage:
    def test_names_the_run_to_look_at(self):
        assert read_message(json.dumps({"run": "acme#r1", "more": "is let pass"})) == "acme#r1"

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "run",
            "{",
            "null",
            "7",
            '"acme#r1"',
            "[]",
            '["run"]',
            "{}",
            '{"Run": "acme#r1"}',
            '{"run": null}',
            '{"run": 7}',
            '{"run": ["acme#r1"]}',
            '{"run": ""}',
            '{"run": "acme"}',
            "[" * 100_000,
            "\x00",
        ],
        ids=lambda body: body[:20],
    )
    def test_that_names_no_run_is_told_so(self, body):
        with pytest.raises(MessageInvalid):
            read_message(body)
