"""How an endpoint is told that a workflow run has failed: Upstash's failure callback, signed if keys are set.

Its fields are those that `@upstash/workflow` reads in its failure function, its headers those that it looks at.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.core.effects import HttpCall
from chalicelib.core.json_values import Json, Variables, canonical_json
from chalicelib.core.runs import Run
from chalicelib.dialects.upstash.ids import workflow_url, write_run_id

UNWANTED = "upstash-workflow-failure-callback-notfound"
TIMEOUT_S = 10.0
_SIGNED_S = 300  # a signature is good for so long
_OWN_HEADERS = frozenset(
    {"content-type", "idempotency-key", "upstash-retried", "upstash-signature", "upstash-workflow-runid"}
)


@dataclass(frozen=True, slots=True)
class FailureLetters:
    """`keys` are the signing keys, current and next; `now` is in ms."""

    keys: tuple[str, str] | None
    now: Callable[[], int]

    def write(self, run: Run, tried: int) -> HttpCall:
        """Answer the call that tells of a run's failure, for the n-th time again."""
        callback = run.overrides.failure_callback
        assert callback is not None
        body = failure_body(run)
        theirs = {name: value for name, value in callback.headers.items() if name.lower() not in _OWN_HEADERS}
        headers = {**theirs, "Upstash-Workflow-RunId": write_run_id(run), "Upstash-Retried": str(tried)}
        if self.keys is not None:
            headers["Upstash-Signature"] = signature(self.keys[0], callback.url, canonical_json(body), self.now())
        return HttpCall(
            method="POST",
            url=callback.url,
            headers=headers,
            body=body,
            timeout_s=TIMEOUT_S,
            idempotency_key=f"{run.dead_letter}/failure-callback",
            keeps=(UNWANTED,),
        )

    def is_unwanted(self, headers: Mapping[str, str]) -> bool:
        """Say whether an endpoint answered that it has no failure function."""
        return headers.get(UNWANTED, "").lower() == "true"


def failure_body(run: Run) -> Variables:
    """Answer what a failure function is told of the run that failed."""
    failure, most = run.failure, run.overrides.retries
    assert failure is not None
    answered = failure.answer
    headers: Variables = {name: [value] for name, value in answered.headers.items()} if answered else {}
    sent: Variables = {name: [value] for name, value in run.overrides.headers.items()}
    return {
        "status": answered.status if answered else 0,
        "header": headers,
        "body": _base64(answered.body.encode() if answered else failure.message.encode()),
        "retried": failure.tries - 1,
        "maxRetries": failure.tries - 1 if most is None else most,
        "dlqId": run.dead_letter,
        "sourceMessageId": message_id(run),
        "url": workflow_url(run),
        "method": "POST",
        "sourceHeader": sent,
        "sourceBody": _base64(canonical_json(run.input)),
        "notBefore": run.created_at,
        "createdAt": run.created_at,
        "callerIP": run.lineage.cause.address,
        "workflowRunId": write_run_id(run),
        "workflowCreatedAt": run.created_at,
    }


def message_id(run: Run) -> str:
    """Name the delivery that failed: ours are not kept one by one, so it is the run's."""
    return f"msg_{run.id.replace('-', '')}"


def signature(key: str, url: str, body: bytes, at: int) -> str:
    """Sign a call as QStash's Receiver checks it: a JWT (HS256) about the URL and the body's digest."""
    now_s = at // 1000
    claims: Json = {
        "iss": "Upstash",
        "sub": url,
        "exp": now_s + _SIGNED_S,
        "nbf": now_s - 1,
        "iat": now_s,
        "jti": hashlib.sha256(url.encode() + body + str(at).encode()).hexdigest()[:32],
        "body": _url_base64(hashlib.sha256(body).digest()),
    }
    signed = f"{_url_base64(canonical_json({'alg': 'HS256', 'typ': 'JWT'}))}.{_url_base64(canonical_json(claims))}"
    return f"{signed}.{_url_base64(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _url_base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
