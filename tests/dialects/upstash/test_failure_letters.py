"""The call that tells an endpoint of a failure: what stands in it, and that whoever has the key can trust it."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.actions.headers import MAX_HEADERS
from chalicelib.actions.http import HttpCaller
from chalicelib.actions.payloads import write_payload
from chalicelib.core.effects import Answered, HttpCall, Succeeded
from chalicelib.core.ids import dead_letter_id
from chalicelib.core.journal import Failure
from chalicelib.core.overrides import FailureCallback, Overrides
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.upstash.failure_letters import FailureLetters
from chalicelib.service.action_checks import CallbackRefused, check_callback
from tests.actions.conftest import LAPTOP, StepServer, laptop, step
from tests.stores.plans import planned
from tests.world import BEGINNING, INPUT

__all__ = ["laptop", "step"]

URL = "https://example.test/failed?of=orders"
NOW_S = BEGINNING // 1000 + 77
KEYS = ("sig_current", "sig_next")
SIGNED, PLAIN = (FailureLetters(keys, lambda: NOW_S * 1000 + 999) for keys in (KEYS, None))
SIGNATURE = "Upstash-Signature"
FAILURE = Failure("work", "http_503", "no stock", Answered(503, {"retry-after": "9"}, "no stöck"), tries=3)


def failed(callback: FailureCallback | None = None, **fields: Any) -> Run:
    """Answer a run that has failed, and says so to an endpoint."""
    run = planned().run
    told = Overrides(failure_callback=callback or FailureCallback(URL), headers={"Tenant": "Bürger"})
    standard: dict[str, Any] = {"status": RunStatus.FAILED, "failure": FAILURE, "overrides": told}
    return replace(run, dead_letter=dead_letter_id(BEGINNING, run.id), **(standard | fields))


def decoded(part: str) -> bytes:
    """Read base64url without padding, and nothing else."""
    assert set(part) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(token: str, key: str) -> dict[str, Any]:
    """Answer what a token claims, if it bears the signature of this key (RFC 7515, RFC 7519)."""
    head, payload, signed = token.split(".")
    expected = hmac.new(key.encode(), f"{head}.{payload}".encode("ascii"), hashlib.sha256).digest()
    assert hmac.compare_digest(decoded(signed), expected)
    assert json.loads(decoded(head)) == {"alg": "HS256", "typ": "JWT"}
    told: dict[str, Any] = json.loads(decoded(payload))
    return told


def body_of(run: Run) -> dict[str, Any]:
    body = PLAIN.write(run, 0).body
    assert isinstance(body, dict)
    return body


def sent(call: HttpCall, to: HttpCaller, step: StepServer) -> tuple[dict[str, str], bytes]:
    """Make a call, and answer the headers and the bytes that reached the endpoint."""
    assert isinstance(to.call(call), Succeeded)
    [seen] = step.seen
    return seen.headers, seen.body


def is_accepted(callback: FailureCallback) -> bool:
    """Say whether a run may be started with this callback."""
    try:
        check_callback(callback, LAPTOP)
    except CallbackRefused:
        return False
    return True


class TestTheSignature:
    def test_is_a_token_of_the_current_key_that_names_its_maker_the_url_and_the_time_in_seconds(self):
        told = claims(SIGNED.write(failed(), 0).headers[SIGNATURE], KEYS[0])

        assert (told["iss"], told["sub"], told["iat"]) == ("Upstash", URL, NOW_S)
        assert told["nbf"] <= NOW_S < told["exp"] <= NOW_S + 3600
        assert all(isinstance(told[name], int) for name in ("iat", "nbf", "exp"))
        assert told["jti"]

    def test_is_none_of_another_key(self):
        with pytest.raises(AssertionError):
            claims(SIGNED.write(failed(), 0).headers[SIGNATURE], KEYS[1])

    def test_vouches_for_the_very_bytes_that_reach_the_endpoint(self, laptop, step):
        run = failed(FailureCallback(f"{step.url}/failed"))
        call = SIGNED.write(run, 0)

        headers, body = sent(call, laptop, step)

        told = claims(headers["upstash-signature"], KEYS[0])
        assert told["sub"] == f"{step.url}/failed"
        assert decoded(told["body"]) == hashlib.sha256(body).digest()
        assert body == write_payload(call.body)
        assert "Bürger".encode() in body

    def test_is_another_one_for_another_body_another_url_or_at_another_time(self):
        later = FailureLetters(KEYS, lambda: (NOW_S + 1) * 1000)
        calls = [
            SIGNED.write(failed(), 0),
            SIGNED.write(failed(alias="my-order"), 0),
            SIGNED.write(failed(FailureCallback(f"{URL}&to=me")), 0),
            later.write(failed(), 0),
        ]

        told = [claims(call.headers[SIGNATURE], KEYS[0]) for call in calls]

        assert len({claim["jti"] for claim in told}) == 4
        assert [claim["body"] == told[0]["body"] for claim in told] == [True, False, True, True]

    def test_is_missing_where_there_are_no_keys(self):
        assert SIGNATURE not in PLAIN.write(failed(), 0).headers


class TestTheHeaders:
    def test_are_those_that_were_stored_with_ours(self):
        stored = {"Upstash-Workflow-Is-Failure": "true", "Authorization": "Bearer me"}
        run = failed(FailureCallback(URL, stored))

        headers = PLAIN.write(run, 2).headers

        ours = {"Upstash-Workflow-RunId": f"wfr_{run.id.replace('-', '')}", "Upstash-Retried": "2"}
        assert headers == {**stored, **ours}

    @pytest.mark.parametrize("letters", [SIGNED, PLAIN], ids=["signed", "without keys"])
    @pytest.mark.parametrize("spelled", [str, str.lower, str.upper], ids=["as ours", "small", "capital"])
    def test_of_ours_cannot_be_replaced_however_they_are_spelled(self, laptop, step, letters, spelled):
        names = ("Upstash-Signature", "Upstash-Workflow-RunId", "Upstash-Retried", "Content-Type", "Idempotency-Key")
        stored = {spelled(name): "forged" for name in names}
        run = failed(FailureCallback(step.url, {**stored, "X": "y"}))

        headers, _ = sent(letters.write(run, 2), laptop, step)

        assert "forged" not in headers.values()
        assert (headers["x"], headers["upstash-retried"]) == ("y", "2")
        assert headers["content-type"] == "application/json"
        assert headers["idempotency-key"] == f"{run.dead_letter}/failure-callback"
        assert ("upstash-signature" in headers) == (letters is SIGNED)

    def test_of_a_callback_that_was_accepted_can_be_sent_however_many_there_are(self, laptop, step):
        callbacks = [FailureCallback(step.url, {f"X-{n}": "y" for n in range(most)}) for most in range(MAX_HEADERS + 1)]
        most = [callback for callback in callbacks if is_accepted(callback)][-1]

        outcome = laptop.call(SIGNED.write(failed(most), 0))

        assert isinstance(outcome, Succeeded)

    def test_of_the_answer_that_are_looked_at_are_kept(self, laptop, step):
        step.answers(200, b"", Upstash_Workflow_Failure_Callback_Notfound="true")

        outcome = laptop.call(PLAIN.write(failed(FailureCallback(step.url)), 0))

        assert PLAIN.is_unwanted(outcome.result["headers"])


class TestTheBody:
    def test_tells_what_the_last_try_was_answered(self):
        body = body_of(failed())

        assert (body["status"], body["header"]) == (503, {"retry-after": ["9"]})
        assert base64.b64decode(body["body"], validate=True).decode() == "no stöck"

    def test_tells_why_there_was_no_answer_if_there_was_none(self):
        body = body_of(failed(failure=replace(FAILURE, answer=None)))

        assert (body["status"], body["header"]) == (0, {})
        assert base64.b64decode(body["body"], validate=True).decode() == "no stock"

    @pytest.mark.parametrize(("wish", "most"), [(None, 2), (7, 7), (0, 0)])
    def test_counts_the_retries_that_there_were_and_those_that_there_could_be(self, wish, most):
        told = failed().overrides

        body = body_of(failed(overrides=replace(told, retries=wish)))

        assert (body["retried"], body["maxRetries"]) == (2, most)

    def test_names_the_run_and_the_workflow_as_its_client_does(self):
        body = body_of(failed(alias="my-order", url="https://app.test/workflow"))

        assert (body["workflowRunId"], body["url"]) == ("my-order", "https://app.test/workflow")

    def test_holds_the_headers_and_the_payload_that_the_run_was_started_with(self):
        body = body_of(failed(variables={"changed": True}))

        assert body["sourceHeader"] == {"Tenant": ["Bürger"]}
        assert json.loads(base64.b64decode(body["sourceBody"], validate=True)) == INPUT

    def test_tells_times_in_milliseconds_and_who_called(self):
        run = failed()
        cause = replace(run.lineage.cause, address="192.0.2.7")

        body = body_of(replace(run, lineage=replace(run.lineage, cause=cause)))

        assert {body[name] for name in ("notBefore", "createdAt", "workflowCreatedAt")} == {BEGINNING}
        assert body["callerIP"] == "192.0.2.7"

    def test_is_the_same_for_every_try(self):
        first, second = (SIGNED.write(failed(), tried) for tried in (0, 1))

        assert (first.body, first.idempotency_key) == (second.body, second.idempotency_key)


@pytest.mark.parametrize(
    ("headers", "is_unwanted"),
    [
        ({"upstash-workflow-failure-callback-notfound": "true"}, True),
        ({"upstash-workflow-failure-callback-notfound": "True"}, True),
        ({"upstash-workflow-failure-callback-notfound": "false"}, False),
        ({"upstash-workflow-failure-callback-notfound": ""}, False),
        ({"content-type": "true"}, False),
        ({}, False),
    ],
)
def test_an_endpoint_has_no_use_for_failures_if_and_only_if_it_says_so(headers, is_unwanted):
    assert PLAIN.is_unwanted(headers) is is_unwanted
