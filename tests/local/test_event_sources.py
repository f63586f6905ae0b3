import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Barrier, Event, Timer
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from chalice.app import Chalice

from local.event_sources import Function, Handler, Runner, Schedule, SqsPoller, read_rate
from tests.local.conftest import Clock

VISIBILITY_S = 30
MOST_RECEIVES = 3
TIMEOUT_S = 60.0
PATIENCE_S = 10.0


@dataclass(frozen=True)
class Queue:
    """An SQS queue that gives a message three times, and then to its DLQ."""

    client: Any
    url: str
    arn: str
    dead_url: str

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def left(self) -> int:
        """Count what is there, seen or not."""
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(counts))
        return sum(int(answer["Attributes"][name]) for name in counts)

    def dead(self) -> list[str]:
        answer = self.client.receive_message(QueueUrl=self.dead_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]


@dataclass
class Work:
    """A handler that remembers what it saw, and answers what it is told to."""

    answer: Callable[[Any], Any] = lambda _event: None
    seen: list[list[str]] = field(default_factory=list)

    def __call__(self, event: Any, _context: Any) -> Any:
        self.seen.append([record["body"] for record in event["Records"]])
        return self.answer(event)


@pytest.fixture
def queue(clock: Clock) -> Queue:
    client = boto3.client("sqs")
    dead_url = client.create_queue(QueueName="orders-dead")["QueueUrl"]
    dead_arn = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": MOST_RECEIVES})
    attributes = {"VisibilityTimeout": str(VISIBILITY_S), "RedrivePolicy": redrive}
    url = client.create_queue(QueueName="orders", Attributes=attributes)["QueueUrl"]
    return Queue(client, url, dead_arn.removesuffix("-dead"), dead_url)


@pytest.fixture
def function(clock: Clock) -> Callable[[Handler], Function]:
    return lambda handler: Function("work", handler, TIMEOUT_S, monotonic=clock, new_id=lambda: "id-1")


@pytest.fixture
def poller(queue: Queue, function: Callable[[Handler], Function]) -> Callable[..., SqsPoller]:
    return lambda handler, **changes: SqsPoller(function(handler), queue.client, queue.url, queue.arn, **changes)


def failures(*ids: object) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in ids]}


def bad_ones(event: Any) -> dict[str, Any]:
    """Give back the messages that say `bad`."""
    return failures(*(record["messageId"] for record in event["Records"] if record["body"] == "bad"))


def raising(_event: object, _context: object = None) -> Any:
    raise RuntimeError("out of paper")


class TestSqsPoller:
    def test_a_handler_gets_a_message_as_lambda_writes_it(self, queue: Queue, poller: Any) -> None:
        events: list[Any] = []
        body = '{"run": "a#1"}'
        named = {
            "text": {"DataType": "String", "StringValue": "é"},
            "bytes": {"DataType": "Binary", "BinaryValue": b"\xff"},
        }
        sent = queue.client.send_message(QueueUrl=queue.url, MessageBody=body, MessageAttributes=named)

        poller(lambda event, _context: events.append(event)).poll_once()

        (record,) = events[0]["Records"]
        assert record.pop("receiptHandle")
        attributes = record.pop("attributes")
        assert attributes["ApproximateReceiveCount"] == "1"
        assert attributes["SentTimestamp"] == "1700000000000"
        lists: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
        assert record == {
            "messageId": sent["MessageId"],
            "body": body,
            "messageAttributes": {
                "text": {"stringValue": "é", "dataType": "String", **lists},
                "bytes": {"binaryValue": "/w==", "dataType": "Binary", **lists},
            },
            "md5OfBody": hashlib.md5(body.encode()).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
            "awsRegion": "us-east-1",
        }

    def test_a_chalice_app_s_handler_works_on_the_records(self, queue: Queue, poller: Any) -> None:
        app = Chalice("shop", configure_logs=False, env={})
        bodies: list[str] = []

        @app.on_sqs_message(queue="orders", name="work")
        def work(event: Any) -> dict[str, Any]:
            bodies.extend(record.body for record in event)
            return failures()

        queue.send("1", "2")

        assert poller(app.handler_map["work"]).poll_once() == 2
        assert bodies == ["1", "2"]
        assert queue.left() == 0

    @pytest.mark.parametrize("answer", [None, {}, failures(), {"batchItemFailures": None}])
    def test_a_batch_without_failures_is_deleted(self, queue: Queue, poller: Any, answer: object) -> None:
        queue.send("1", "2", "3")

        poller(Work(lambda _event: answer)).poll_once()

        assert queue.left() == 0

    def test_only_messages_that_were_given_back_stay(self, queue: Queue, poller: Any, clock: Clock) -> None:
        queue.send("1", "bad", "2", "bad")
        work = Work(bad_ones)

        poller(work).poll_once()
        clock.advance(VISIBILITY_S + 1)
        poller(work).poll_once()

        assert work.seen == [["1", "bad", "2", "bad"], ["bad", "bad"]]

    @pytest.mark.parametrize(
        "answer",
        [
            *(failures(unknown) for unknown in ("no-message-of-this-batch", "", None, ["a"])),
            *({"batchItemFailures": wrong} for wrong in ([{"messageId": "1"}], ["1"], "1")),
            *({"failures": []}, [], "done", 0),
            *(object(), {1, 2}),
        ],
    )
    def test_an_answer_that_is_no_report_fails_the_whole_batch(self, queue: Queue, poller: Any, answer: object) -> None:
        queue.send("1", "2")

        assert poller(Work(lambda _event: answer)).poll_once() == 2
        assert queue.left() == 2

    def test_one_unknown_id_among_known_ones_fails_the_whole_batch(self, queue: Queue, poller: Any) -> None:
        queue.send("1", "2")

        poller(Work(lambda event: failures(event["Records"][0]["messageId"], "unknown"))).poll_once()

        assert queue.left() == 2

    def test_a_handler_that_raises_fails_the_whole_batch_and_is_logged(
        self, queue: Queue, poller: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        queue.send("1", "2")

        assert poller(raising).poll_once() == 2
        assert queue.left() == 2
        (record,) = caplog.records
        assert record.getMessage() == "work raised"
        assert record.exc_info
        assert repr(record.exc_info[1]) == "RuntimeError('out of paper')"

    def test_a_failed_message_is_not_seen_until_its_visibility_timeout_is_over(
        self, queue: Queue, poller: Any, clock: Clock
    ) -> None:
        queue.send("1")
        failing = poller(raising)

        assert failing.poll_once() == 1
        clock.advance(VISIBILITY_S - 1)
        assert failing.poll_once() == 0
        clock.advance(2)
        assert failing.poll_once() == 1

    def test_a_message_that_always_fails_ends_in_the_dlq(self, queue: Queue, poller: Any, clock: Clock) -> None:
        queue.send("bad", "1")
        work = Work(bad_ones)
        for _ in range(MOST_RECEIVES + 1):
            poller(work).poll_once()
            clock.advance(VISIBILITY_S + 1)

        assert len(work.seen) == MOST_RECEIVES
        assert queue.dead() == ["bad"]
        assert queue.left() == 0

    def test_nobody_is_invoked_for_an_empty_queue(self, queue: Queue, poller: Any) -> None:
        work = Work()

        assert poller(work).poll_once() == 0
        assert work.seen == []

    @pytest.mark.parametrize(("batch_size", "batches"), [(1, [1] * 12), (5, [5, 5, 2]), (10, [10, 2]), (100, [10, 2])])
    def test_a_batch_is_no_larger_than_asked_nor_than_sqs_gives(
        self, queue: Queue, poller: Any, batch_size: int, batches: list[int]
    ) -> None:
        queue.send(*map(str, range(12)))
        work = Work()
        mapping = poller(work, batch_size=batch_size)

        while mapping.poll_once():
            pass

        assert [len(seen) for seen in work.seen] == batches

    def test_workers_work_at_the_same_time(self, queue: Queue, poller: Any) -> None:
        together, done = Barrier(2), Event()

        def work(_event: object, _context: object) -> None:
            together.wait(PATIENCE_S)
            done.set()

        queue.send("1", "2")
        runner = poller(work, batch_size=1).runner(workers=2)

        runner.start()
        assert done.wait(PATIENCE_S)
        runner.stop()

        assert queue.left() == 0

    def test_a_runner_outlives_an_unwell_queue(self, function: Any, caplog: pytest.LogCaptureFixture) -> None:
        asked = Event()

        class Unwell:
            def receive_message(self, **_request: object) -> None:
                asked.set()
                raise EndpointConnectionError(endpoint_url="https://sqs")

        runner = SqsPoller(function(Work()), Unwell(), "url", "arn").runner()

        runner.start()
        assert asked.wait(PATIENCE_S)
        runner.stop()

        assert "work: the queue is unwell" in caplog.text


class TestFunction:
    def test_a_handler_is_told_who_it_is_and_how_long_it_has(self, function: Any, clock: Clock) -> None:
        told: list[Any] = []

        def work(_event: object, context: Any) -> None:
            told.append((context.function_name, context.aws_request_id, context.log_group_name))
            told.append(context.invoked_function_arn)
            for seconds in (0, 20, 40, 1):
                clock.advance(seconds)
                told.append(context.get_remaining_time_in_millis())

        function(work).invoke({})

        arn = "arn:aws:lambda:us-east-1:123456789012:function:work"
        assert told == [("work", "id-1", "/aws/lambda/work"), arn, 60_000, 40_000, 0, 0]

    def test_event_and_answer_pass_through_json(self, function: Any) -> None:
        event: dict[str, Any] = {"records": [{"n": 1}]}

        def work(given: Any, _context: object) -> Any:
            given["records"].clear()
            return {1: (2, 3)}

        assert function(work).invoke(event) == {"1": [2, 3]}
        assert event == {"records": [{"n": 1}]}


class TestSchedule:
    def test_a_tick_sends_what_eventbridge_sends(self, function: Any) -> None:
        events: list[Any] = []
        keeping = function(lambda event, _context: events.append(event))

        Schedule(keeping, "rate(1 minute)", lambda: 1_700_000_000_999).tick()

        assert events == [
            {
                "version": "0",
                "id": "id-1",
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": "123456789012",
                "time": "2023-11-14T22:13:20Z",
                "region": "us-east-1",
                "resources": ["arn:aws:events:us-east-1:123456789012:rule/work"],
                "detail": {},
            }
        ]

    def test_a_chalice_app_s_handler_is_invoked(self, function: Any) -> None:
        app = Chalice("shop", configure_logs=False, env={})
        seen: list[tuple[str, str]] = []

        @app.schedule("rate(1 minute)", name="sweep")
        def sweep(event: Any) -> None:
            seen.append((event.source, event.detail_type))

        Schedule(function(app.handler_map["sweep"]), "rate(1 minute)", lambda: 0).tick()

        assert seen == [("aws.events", "Scheduled Event")]

    def test_a_tick_that_raises_is_logged_and_the_next_one_comes(
        self, function: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        schedule = Schedule(function(raising), "rate(1 minute)", lambda: 0)

        schedule.tick()
        schedule.tick()

        assert [record.getMessage() for record in caplog.records] == ["work raised"] * 2

    def test_a_runner_ticks_again_and_again(self, function: Any) -> None:
        ticks, has_ticked = iter(range(2)), Event()

        def work(_event: object, _context: object) -> None:
            if next(ticks, None) is None:
                has_ticked.set()

        runner = Schedule(function(work), "rate(1 minute)", lambda: 0, speed=60_000).runner()

        runner.start()
        assert has_ticked.wait(PATIENCE_S)
        runner.stop()

    def test_the_first_tick_comes_when_a_period_is_over_and_stop_does_not_wait_for_it(self, function: Any) -> None:
        ticked = Event()
        runner = Schedule(function(lambda *_: ticked.set()), "rate(1 day)", lambda: 0).runner()

        runner.start()
        runner.stop()

        assert not ticked.is_set()

    @pytest.mark.parametrize(
        ("expression", "seconds"),
        [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(10 hours)", 36_000), ("rate(2 days)", 172_800)],
    )
    def test_a_rate_is_a_period(self, expression: str, seconds: int) -> None:
        assert read_rate(expression) == seconds

    @pytest.mark.parametrize(
        "expression",
        [
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(2 minute)",
            "rate(1 second)",
            "rate(1 day) ",
            "cron(0 12 * * ? *)",
        ],
    )
    def test_what_eventbridge_refuses_and_cron_is_refused(self, expression: str) -> None:
        with pytest.raises(ValueError, match="is no rate"):
            read_rate(expression)


class TestRunner:
    def test_stop_waits_for_a_step_that_has_begun(self) -> None:
        begun, go_on, ended = Event(), Event(), Event()

        def step() -> float:
            begun.set()
            assert go_on.wait(PATIENCE_S)
            ended.set()
            return 0.0

        runner = Runner("test", step)
        runner.start()
        assert begun.wait(PATIENCE_S)
        Timer(0.05, go_on.set).start()
        runner.stop()

        assert ended.is_set()

    def test_a_crowd_of_workers_looks_no_oftener_than_one(self) -> None:
        looks: list[float] = []
        has_looked = Event()

        def look() -> float:
            looks.append(PATIENCE_S)
            has_looked.set()
            return PATIENCE_S

        runner = Runner("test", look, workers=8)
        runner.start()
        assert has_looked.wait(PATIENCE_S)
        runner.stop()

        assert len(looks) == 1

    def test_a_runner_that_never_started_can_be_stopped(self) -> None:
        Runner("test", lambda: 0.0).stop()
