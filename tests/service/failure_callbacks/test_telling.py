"""Telling somebody that a run has failed: what, how often, and what becomes of the run."""

from dataclasses import replace

import pytest

from chalicelib.core.effects import Answered, Succeeded
from chalicelib.core.json_values import canonical_json
from chalicelib.core.overrides import Overrides
from chalicelib.core.runs import GRACE_MS, RunStatus
from chalicelib.service.work import LEASE_MS
from tests.graphs import Ask, Call, Compute, steps
from tests.service.failure_callbacks.callbacks import (
    BROKEN,
    HEARD,
    IN_PROGRESS,
    NOT_FOUND,
    NOT_TOLD,
    OOPS,
    TOLD,
    TOLD_WELL,
    UNCARING,
    UNWELL,
    WORK,
    Endpoint,
    acting,
    claim_in_vain,
    decoded,
    fail,
    key_of,
    listed,
    states,
)
from tests.service.stories import begun, complete, journal
from tests.world import ACME, BEGINNING, INPUT, MINUTE


class TestACallback:
    def test_is_owed_from_the_moment_on_in_which_its_run_fails(self, world):
        endpoint = Endpoint(world, HEARD)

        run = fail(world)

        assert states(world, run) == (IN_PROGRESS, IN_PROGRESS)
        assert (run.not_before, run.wake_at) == (BEGINNING, BEGINNING + GRACE_MS)
        assert (listed(world), endpoint.calls) == ([run.id], [])

    def test_is_one_call_with_the_body_and_the_headers_of_the_contract(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world, replace(TOLD, retries=2, headers={"Tenant": "7"}), Call("work"))

        world.deliver()

        [call], [body] = endpoint.calls, endpoint.bodies
        assert (call.method, call.url, call.keeps) == ("POST", "https://example.test/failed", (NOT_FOUND,))
        name = f"wfr_{run.id.replace('-', '')}"
        assert call.headers == {"X": "y", "Upstash-Workflow-RunId": name, "Upstash-Retried": "0"}
        assert decoded(body.pop("body")).decode() == "no stöck"
        assert decoded(body.pop("sourceBody")) == canonical_json(INPUT)
        assert body.pop("sourceMessageId").startswith("msg_")
        assert body == {
            "status": 503,
            "header": {"content-type": ["text/plain"]},
            "retried": 2,
            "maxRetries": 2,
            "dlqId": run.dead_letter,
            "url": "reprise:order",
            "method": "POST",
            "sourceHeader": {"Tenant": ["7"]},
            "notBefore": BEGINNING,
            "createdAt": BEGINNING,
            "callerIP": "",
            "workflowRunId": name,
            "workflowCreatedAt": BEGINNING,
        }

    def test_tells_of_the_initial_input_and_of_the_tries_that_the_definition_grants(self, world):
        endpoint = Endpoint(world, HEARD)
        fail(world, block=steps(Compute("amount", 9), Call("work", {"retry": {"attempts": 3, "delay_s": 0}})))

        world.deliver()

        [body] = endpoint.bodies
        assert decoded(body["sourceBody"]) == canonical_json(INPUT)
        assert (body["retried"], body["maxRetries"]) == (2, 2)

    def test_has_succeeded_with_the_first_success_and_nobody_is_told_twice(self, world):
        endpoint = Endpoint(world, HEARD)
        run = fail(world)
        world.deliver()
        before = world.everything()

        world.services.worker.advance(key_of(run), lambda: MINUTE)
        world.clock.advance(LEASE_MS + GRACE_MS)
        swept = world.services.sweep.run(lambda: MINUTE)

        assert states(world, run) == (TOLD_WELL, TOLD_WELL)
        assert world.run(run.id).callback.answer == Answered(202, {"x-request-id": "8"}, '{"ok":true}')
        assert (world.everything(), swept, world.messages(), len(endpoint.calls)) == (before, 0, [], 1)

    def test_keeps_no_more_of_an_answer_than_its_begin(self, world):
        Endpoint(world, Succeeded({"status": 200, "body": "long " * 1_000}))
        run = fail(world)

        world.deliver()

        assert world.run(run.id).callback.answer == Answered(200, {}, ("long " * 1_000)[:2048])

    def test_has_failed_when_the_tries_that_its_run_has_are_used_up(self, world):
        endpoint = Endpoint(world, UNWELL)
        run = fail(world, replace(TOLD, retries=2, retry_delay="60000"))

        for tried in (1, 2):
            world.deliver()
            assert (states(world, run), len(endpoint.calls)) == ((IN_PROGRESS, IN_PROGRESS), tried)
            assert world.run(run.id).callback.answer == OOPS
            world.clock.advance(MINUTE)
        world.deliver()

        assert (states(world, run), world.run(run.id).callback.answer) == ((NOT_TOLD, NOT_TOLD), OOPS)
        assert (world.waking(), world.run(run.id).tries) == ([], {})
        assert [call.headers["Upstash-Retried"] for call in endpoint.calls] == ["0", "1", "2"]
        assert len({(call.idempotency_key, canonical_json(call.body)) for call in endpoint.calls}) == 1

    def test_has_succeeded_if_any_of_its_tries_does(self, world):
        endpoint = Endpoint(world, UNWELL, HEARD)
        run = fail(world)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 2)

    def test_has_failed_at_once_of_what_will_always_fail(self, world):
        endpoint = Endpoint(world, replace(UNWELL, is_retryable=False))
        run = fail(world)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((NOT_TOLD, NOT_TOLD), 1)

    def test_is_none_at_all_once_the_endpoint_says_that_it_has_no_use_for_failures(self, world):
        endpoint = Endpoint(world, UNCARING)
        run = fail(world)

        world.settle()

        assert (states(world, run), len(endpoint.calls)) == ((None, None), 1)
        assert (listed(world), world.waking()) == ([run.id], [])


class TestTheRun:
    def test_stays_failed_throughout_with_its_journal_and_its_data(self, world):
        seen: list[RunStatus] = []
        Endpoint(world, acting(lambda: seen.append(world.run(run.id).status), UNWELL), HEARD)
        run = fail(world, block=steps(Compute("amount", 9), WORK))
        before, entries = world.run(run.id), journal(world, run.id)

        world.settle()

        ended = world.run(run.id)
        head = {"callback", "revision", "updated_at", "not_before", "wake_at"}
        assert {name: getattr(ended, name) for name in head} != {name: getattr(before, name) for name in head}
        assert replace(ended, **{name: getattr(before, name) for name in head}) == before
        assert (seen, journal(world, run.id)) == ([RunStatus.FAILED], entries)

    def test_without_a_callback_owes_nothing(self, world):
        run = fail(world, Overrides(retries=0))

        assert (run.callback, run.not_before, run.wake_at, world.messages()) == (None, None, None, [])
        assert states(world, run) == (None, None)

    @pytest.mark.parametrize("end", ["completed", "canceled"])
    def test_that_has_not_failed_owes_nothing_either(self, world, end):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, Ask("decide"), overrides=TOLD)
        if end == "completed":
            complete(world, run.id, "decide")
        else:
            world.services.runs.cancel(ACME, run.id, "enough")

        world.settle()

        assert (world.run(run.id).status.value, world.run(run.id).callback, endpoint.calls) == (end, None, [])

    def test_that_fails_at_its_birth_is_told_of(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, BROKEN, overrides=TOLD)
        assert (run.status, states(world, run)) == (RunStatus.FAILED, (IN_PROGRESS, IN_PROGRESS))

        assert world.deliver() == 1

        [body], failure = endpoint.bodies, run.failure
        assert (body["status"], body["retried"], body["maxRetries"]) == (0, 0, 0)
        assert failure is not None
        assert decoded(body["body"]).decode() == failure.message
        assert states(world, run) == (TOLD_WELL, TOLD_WELL)

    def test_that_fails_of_what_a_person_does_is_told_of(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, steps(Ask("decide"), BROKEN), overrides=TOLD)

        failed = complete(world, run.id, "decide")

        assert (states(world, failed), world.deliver()) == ((IN_PROGRESS, IN_PROGRESS), 1)
        assert (states(world, failed), len(endpoint.calls)) == ((TOLD_WELL, TOLD_WELL), 1)

    def test_that_its_worker_breaks_off_is_told_of(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, WORK, overrides=TOLD)
        claim_in_vain(world, run)

        world.settle()

        [body], failed = endpoint.bodies, world.run(run.id)
        assert failed.failure.code == "attempts_exhausted"
        assert decoded(body["body"]).decode() == failed.failure.message
        assert (failed.status, states(world, failed)) == (RunStatus.FAILED, (TOLD_WELL, TOLD_WELL))

    def test_that_its_worker_breaks_off_is_told_of_without_waiting_for_the_sweep(self, world):
        endpoint = Endpoint(world, HEARD)
        run = begun(world, WORK, overrides=TOLD)
        claim_in_vain(world, run)

        while world.deliver():
            pass

        assert (world.run(run.id).status, len(endpoint.calls)) == (RunStatus.FAILED, 1)
