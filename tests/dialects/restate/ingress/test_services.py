"""Services over the ingress: calls, sends, idempotency keys (docs.restate.dev, services/invocation/http)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.core.effects import HttpCall, Outcome
from chalicelib.core.errors import Busy
from local.calls import observed
from tests.aws_calls import Calls
from tests.dialects.client import Api
from tests.dialects.restate.ingress.stories import OURS, Pauses, call, error, failure, handlers, id_in, publish, runs
from tests.graphs import Ask, Call, Compute, steps
from tests.world import ANSWERED, World

GREET = "/Greeter/greet"


def results(number: int) -> dict[str, Any]:
    """Answer what a service of one computing step, `v_n`, gives."""
    return {"v_n": number}


class TestACall:
    def test_answers_the_variables_at_the_end_and_the_invocations_id(self, api: Api, world: World) -> None:
        publish(api, handlers())

        reply = call(api, GREET, {"order": 7})

        assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
        assert reply.json == {"order": 7, "v_charge": {"status": 200, "body": ANSWERED}, "v_ship": reply.json["v_ship"]}
        assert api.get(f"{OURS}/invocation/{id_in(reply)}/output").json == reply.json
        assert world.deliver() == 1  # it was rung for all the same, and there is nothing left to do
        assert [run["status"] for run in runs(api)] == ["completed"]

    def test_answers_the_variable_result_alone_if_there_is_one(self, api: Api) -> None:
        task = {"id": "add", "type": "service_task", "action": {"type": "expression", "value": "${a + b}"}}
        graph: Any = handlers(Compute("n"))
        graph["activities"][1] = {**task, "output": {"result": "${result}"}}
        graph["transitions"][0]["to"] = graph["transitions"][1]["from"] = "add"
        publish(api, graph)

        assert call(api, GREET, {"a": 1, "b": 2}).body == b"3"

    @pytest.mark.parametrize("body", [7, "seven", [7], True, None, 0])
    def test_takes_a_body_that_is_no_object_as_the_variable_body(self, api: Api, body: Any) -> None:
        publish(api, handlers(Compute("n")))

        reply = call(api, GREET, b"null" if body is None else body)

        assert reply.json == {"body": body, "v_n": 1} if body is not None else {"body": None, "v_n": 1}

    def test_of_no_body_may_be_a_get(self, api: Api) -> None:
        publish(api, handlers(Compute("n")))

        assert [api.get("/ingress/Greeter/greet").json, call(api, GREET).json] == [results(1)] * 2

    @pytest.mark.parametrize("handler", ["greet", "ship_only"])
    def test_begins_at_the_start_event_that_it_names_whatever_its_condition(self, api: Api, handler: str) -> None:
        publish(api, handlers(also={"ship_only": "ship"}))

        told = call(api, f"/Greeter/{handler}").json

        assert ("v_charge" in told, "v_ship" in told) == (handler == "greet", True)

    def test_is_the_same_with_the_verb_before_it(self, api: Api) -> None:
        publish(api, handlers(Compute("n")))

        assert call(api, "/restate/call/Greeter/greet").json == results(1)
        assert call(api, "/restate/send/Greeter/greet").json["status"] == "Accepted"

    def test_of_a_handler_that_fails_is_told_with_what(self, api: Api, world: World) -> None:
        publish(api, handlers())
        world.outside.fail("ship", is_retryable=False)

        reply = call(api, GREET)

        assert failure(reply) == (500, "unwell")
        assert failure(api.get(f"{OURS}/invocation/{id_in(reply)}/attach")) == (500, "unwell")

    def test_of_a_handler_that_is_canceled_is_told_so(self, api: Api, pauses: Pauses) -> None:
        publish(api, handlers(Ask("approve")))
        pauses.meanwhile.append(lambda: api.post(f"/ops/v1/runs/{runs(api)[0]['id']}/cancel"))

        assert failure(call(api, GREET)) == (409, "canceled")

    def test_waits_for_what_others_do_with_its_run(self, api: Api, world: World, pauses: Pauses) -> None:
        publish(api, handlers(steps(Call("charge"), Ask("approve"))))

        def approve() -> None:
            [run] = runs(api)
            assert api.post(f"/ops/v1/runs/{run['id']}/tasks/2/complete").status == 200

        def nothing() -> None: ...

        pauses.meanwhile += [nothing, nothing, approve]

        assert call(api, GREET).status == 200
        assert pauses.slept_s == pytest.approx(0.1 + 0.2 + 0.4)

    def test_waits_for_a_retry_that_another_worker_makes(self, api: Api, world: World, pauses: Pauses) -> None:
        publish(api, handlers())
        world.messages()
        world.outside.fail("ship")
        pauses.meanwhile += [lambda: world.outside.heal("ship"), *[world.deliver] * 10]

        assert call(api, GREET).status == 200
        assert 1 <= pauses.slept_s < 5

    def test_that_takes_too_long_is_told_that_it_goes_on_and_how_to_attach(self, api: Api, pauses: Pauses) -> None:
        publish(api, handlers(Ask("approve")))

        reply = call(api, GREET)

        path = f"/restate/invocation/{id_in(reply)}/attach"
        told = f"the invocation exists but has not completed yet. It goes on: attach to it with GET {path}"
        assert error(reply) == (470, told)
        assert 22 < pauses.slept_s < 25  # API Gateway waits 29 s
        assert error(api.get(f"/ingress{path}")) == (470, told)
        assert [run["status"] for run in runs(api)] == ["waiting"]

    def test_leaves_an_action_that_may_take_too_long_to_a_worker(self, api: Api, world: World, pauses: Pauses) -> None:
        graph: Any = handlers(Call("charge"))
        graph["activities"][1]["action"]["timeout_s"] = 20
        publish(api, graph)
        world.messages()
        pauses.meanwhile.append(world.deliver)

        assert call(api, GREET).status == 200
        assert pauses.slept_s == pytest.approx(0.1)

    def test_that_is_hindered_on_its_way_is_no_refusal(self, api: Api, world: World, pauses: Pauses) -> None:
        publish(api, handlers())
        world.messages()
        todo: list[Exception] = [Busy()]

        def busy(_call: HttpCall) -> Outcome:
            raise todo.pop()

        def later() -> None:
            world.outside.heal("charge")
            world.clock.advance(91_000)
            world.deliver()

        world.outside.answers["charge"] = busy
        pauses.meanwhile.append(later)

        reply = call(api, GREET)

        assert (reply.status, todo) == (200, [])
        assert [run["status"] for run in runs(api)] == ["completed"]


class TestASend:
    def test_is_accepted_at_once_and_worked_on_later(self, api: Api, world: World, pauses: Pauses) -> None:
        publish(api, handlers())

        reply = call(api, f"{GREET}/send", {"order": 7})

        assert (reply.status, reply.json) == (202, {"invocationId": id_in(reply), "status": "Accepted"})
        assert error(api.get(f"{OURS}/invocation/{id_in(reply)}/output"))[0] == 470
        world.settle()
        assert api.get(f"{OURS}/invocation/{id_in(reply)}/output").json["order"] == 7
        assert pauses.slept_s == 0

    @pytest.mark.parametrize("delay", ["PT1H", "1h", "60%20min", "3600000ms"])
    def test_with_a_delay_says_when_it_will_be(self, api: Api, world: World, delay: str) -> None:
        publish(api, handlers())
        at = world.clock.ms + 3_600_000

        reply = call(api, f"{GREET}/send?delay={delay}")

        time = datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        fraction = f".{at % 1000:03d}000000" if at % 1000 else ""
        assert list(reply.json) == ["invocationId", "executionTime", "status"]
        assert reply.json["executionTime"] == f"{time}{fraction}Z"
        world.settle(rounds=70)
        assert world.clock.ms >= at
        assert api.get(f"{OURS}/output/{id_in(reply)}").status == 200

    def test_tells_a_time_between_two_seconds_with_nine_digits(self, api: Api, world: World) -> None:
        publish(api, handlers())
        world.clock.ms = world.clock.ms // 1000 * 1000 + 123

        assert call(api, f"{GREET}/send?delay=1s").json["executionTime"].endswith(".123000000Z")
        world.clock.ms = world.clock.ms // 1000 * 1000 + 1000
        assert "." not in call(api, f"{GREET}/send?DELAY=1s").json["executionTime"]


class TestAnIdempotencyKey:
    def test_makes_calls_and_sends_one_invocation_whatever_their_bodies(self, api: Api, pauses: Pauses) -> None:
        publish(api, handlers())
        first = call(api, GREET, {"order": 7}, idempotency_key="k")

        again = call(api, GREET, {"order": 8}, idempotency_key="k")
        sent = call(api, f"{GREET}/send?delay=1h", {"order": 9}, idempotency_key="k")

        assert (again.status, again.json, id_in(again)) == (200, first.json, id_in(first))
        assert (sent.status, sent.json) == (202, {"invocationId": id_in(first), "status": "PreviouslyAccepted"})
        assert len(runs(api)) == 1

    def test_is_one_handlers_and_one_accounts(self, api: Api, stranger: Api) -> None:
        publish(api, handlers(also={"ship_only": "ship"}))
        publish(stranger, handlers())

        ids = {
            id_in(call(api, GREET, idempotency_key="k")),
            id_in(call(api, "/Greeter/ship_only", idempotency_key="k")),
            id_in(call(stranger, GREET, idempotency_key="k")),
        }

        assert len(ids) == 3

    def test_lets_a_call_wait_for_what_was_sent_before(self, api: Api, world: World, pauses: Pauses) -> None:
        publish(api, handlers())
        sent = call(api, f"{GREET}/send?delay=2s", idempotency_key="k")
        pauses.meanwhile += [world.deliver] * 8

        assert id_in(call(api, GREET, idempotency_key="k")) == id_in(sent)

    def test_says_the_time_of_the_first_send_again(self, api: Api, world: World) -> None:
        publish(api, handlers())
        first = call(api, f"{GREET}/send?delay=1h", idempotency_key="k").json
        world.clock.advance(1_000)

        again = call(api, f"{GREET}/send?delay=1h", idempotency_key="k").json

        assert again == {**first, "status": "PreviouslyAccepted"}

    def test_finds_the_invocation_again(self, api: Api) -> None:
        publish(api, handlers())
        reply = call(api, GREET, {"order": 7}, idempotency_key="k")

        for verb in ("attach", "output"):
            found = api.get(f"{OURS}/invocation/Greeter/greet/k/{verb}")
            assert (found.status, found.json, id_in(found)) == (200, reply.json, id_in(reply))
        assert error(api.get(f"{OURS}/invocation/Greeter/greet/other/output")) == (404, "invocation not found")


class TestARestart:
    def test_begins_at_the_handler_that_was_called(self, api: Api, world: World) -> None:
        publish(api, handlers(also={"ship_only": "ship"}))
        world.outside.fail("ship", is_retryable=False)
        call(api, "/Greeter/ship_only")
        world.outside.heal("ship")
        [run] = runs(api)

        for _ in range(2):
            restarted = api.post(f"/ops/v1/runs/{run['id']}/restart")
            assert restarted.status == 201
            while world.deliver():
                pass
            run = api.run(restarted.json["id"])
            assert (run["status"], "v_charge" in run["variables"]) == ("completed", False)


@pytest.mark.parametrize("activities", [1, 3, 6])
def test_a_call_of_immediate_activities_costs_one_aws_call_for_each_and_five(api: Api, activities: int) -> None:
    publish(api, handlers(steps(*(Call(f"step{n}") for n in range(activities)))))
    call(api, GREET)

    with observed(calls := Calls()):
        assert call(api, GREET).status == 200

    # the published version, the run, the ring, the claim; the end that stands with the last entry; and the head
    assert len(calls) == activities + 5
    assert calls.counts["sqs.SendMessageBatch"] == 1


def test_a_repeat_under_a_key_costs_two_reads_more_than_none(api: Api) -> None:
    publish(api, handlers())
    call(api, GREET, idempotency_key="k")

    with observed(calls := Calls()):
        call(api, GREET, idempotency_key="k")

    assert set(calls.made) <= {"dynamodb.GetItem"}
    assert len(calls) <= 3
