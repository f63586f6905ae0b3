"""What tests of Upstash's dialect do again and again."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from chalice.local import LambdaEventConverter

from chalicelib.core.access import Scope
from chalicelib.core.effects import Answered, Failed, HttpCall, Outcome, Succeeded
from chalicelib.core.ids import AccountId
from tests.dialects.client import Api, Reply, key_of
from tests.graphs import Block, Call, document, steps
from tests.world import MINUTE, World

DLQ = "/v2/workflows/dlq"
QSTASH_DLQ = "/v2/dlq"
RESTART, RESUME = f"{DLQ}/restart", f"{DLQ}/resume"

URL = "https://app.test/orders"
WITH_COMMA = "https://app.test/orders?of=a,b"
LONGER = f"{URL}/eu"
TOLD = "https://app.test/failed"
WORK = Call("work")
TWO = steps(Call("first"), WORK)

NO_STOCK = Answered(503, {"retry-after": "9"}, "no stöck")
HEARD = Succeeded({"status": 202, "headers": {"x-request-id": "8"}, "body": {"ok": True}})
DEAF = Failed("http_500", "oops", is_retryable=False, answer=Answered(500, {"x-request-id": "7"}, "oops"))
SLOW = Failed("http_500", "oops", is_retryable=True, retry_after_s=86_400)
UNCARING = Succeeded(
    {"status": 200, "headers": {"upstash-workflow-failure-callback-notfound": "true"}, "body": ""},
)


def account(world: World, name: str, *scopes: Scope) -> Api:
    """Answer an account's key that may do so much."""
    return key_of(world, AccountId(name), *scopes)


def publish(api: Api, block: Block = WORK, *, url: str = URL, key: str = "order") -> None:
    assert api.put(f"/ops/v1/definitions/{key}", {**document(block), "url": url}).status == 200
    assert api.post(f"/ops/v1/definitions/{key}/publish").status == 200


def trigger(
    api: Api, *, times: int = 1, url: str = URL, body: Any = None, headers: Mapping[str, str] | None = None, **more: str
) -> list[str]:
    """Start runs as the SDK does, and answer their ids. Header names are written with underscores."""
    given = {name.replace("_", "-"): value for name, value in {**(headers or {}), **more}.items()}
    element = {"destination": url, "headers": {"upstash-workflow-init": "true", **given}, "body": body or {"order": 7}}
    reply = api.post("/v2/batch", [element] * times)
    assert reply.status == 200, reply.json
    return [run["workflowRunId"] for run in reply.json]


def work(world: World) -> None:
    """Let workers do what is rung for, and nothing that is for later."""
    while world.deliver():
        pass


def later(world: World, minutes: int = 2) -> None:
    """Let some minutes pass, in which workers do what is due."""
    for _ in range(minutes):
        work(world)
        world.clock.advance(MINUTE)
        world.services.sweep.run(lambda: MINUTE)
    work(world)


def breaks(answer: Answered | None = None, *, is_retryable: bool = False) -> Callable[[HttpCall], Outcome]:
    """Let a step fail, on this answer."""
    return lambda _call: Failed("http_503", "unwell", is_retryable, answer=answer)


def failed(
    world: World,
    api: Api,
    *,
    answer: Answered | None = None,
    told: Outcome = HEARD,
    **trigger_: Any,
) -> list[str]:
    """Let runs fail at their step `work`, later than whatever failed before; answer their dead letters in order."""
    world.clock.advance(1000)
    world.outside.answers.update(work=breaks(answer), failed=lambda _call: told)
    runs = trigger(api, **trigger_)
    world.clock.advance(500)
    work(world)
    world.outside.answers.clear()
    ids = {letter["workflowRunId"]: letter["dlqId"] for letter in letters(api)}
    return [ids[run] for run in runs]


def calls_of(world: World, endpoint: str) -> list[HttpCall]:
    """Let an endpoint hear of failures, and answer the calls that it will have had."""
    called: list[HttpCall] = []

    def answer(call: HttpCall) -> Outcome:
        called.append(call)
        return HEARD

    world.outside.answers[endpoint] = answer
    return called


def fail_again(world: World, api: Api) -> list[Any]:
    """Let every run that was restarted fail once more, and answer the records of all dead letters."""
    world.outside.answers["work"] = breaks()
    later(world)
    world.outside.answers.clear()
    return letters(api)


def asked(world: World, run_id: str) -> Counter[str]:
    """Count the calls of each step of a run."""
    return Counter(key.split("/")[1] for key in world.outside.keys if key.startswith(_uuid(run_id)))


def asked_at(world: World, run_id: str, seconds: int = 60) -> list[int]:
    """Let the step `work` fail for so long, and answer when a run asked for it, in ms after the first time."""
    moments: list[int] = []

    def answer(call: HttpCall) -> Outcome:
        moments.extend([world.clock.ms] if call.idempotency_key.startswith(_uuid(run_id)) else [])
        return Failed("http_503", "unwell", is_retryable=True)

    world.outside.answers["work"] = answer
    work(world)
    for _ in range(seconds):
        world.clock.advance(1000)
        work(world)
    world.outside.answers.clear()
    return [moment - moments[0] for moment in moments]


def _uuid(run_id: str) -> str:
    return str(UUID(run_id.removeprefix("wfr_")))


def letters(api: Api, query: str = "count=100") -> list[Any]:
    """Answer the records of a page of the queue."""
    reply = api.get(f"{DLQ}?{query}")
    assert reply.status == 200, reply.json
    listed: list[Any] = reply.json["messages"]
    return listed


def ids(api: Api, query: str = "count=100") -> list[str]:
    return [letter["dlqId"] for letter in letters(api, query)]


def restart(api: Api, query: str = "", body: Any = None, **headers: str) -> Reply:
    return api.post(f"{RESTART}?{query}" if query else RESTART, body, **headers)


def restarted(reply: Reply) -> list[str]:
    """Answer the dead letters of which a call made runs."""
    assert reply.status == 200, reply.json
    return [run["dlqId"] for run in reply.json["workflowRuns"]]


def state(api: Api, run_id: str) -> str:
    """Answer how a run stands, as logs say it."""
    [run] = api.get(f"/v2/workflows/logs?workflowRunId={run_id}").json["runs"]
    told: str = run["workflowState"]
    return told


def refused(world: World, ask: Callable[[], Reply]) -> Reply:
    """Ask, see that nothing was written or rung for and that the refusal is said as QStash says it; answer it."""
    before, rung = _written(world), _rung(world)

    reply = ask()

    assert reply.status >= 400
    assert reply.headers["Content-Type"] == "application/json"
    assert isinstance(reply.json["error"], str)
    assert _written(world) == before
    assert _rung(world) == rung
    return reply


def _written(world: World) -> dict[str, list[dict[str, Any]]]:
    return {**world.everything(), "accounts": world.rows("accounts")}


def _rung(world: World) -> list[str]:
    waiting = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed")
    queues = [world.resources.refs[name] for name in ("RunsQueue", "BulkRunsQueue", "DispatchQueue")]
    told = [world.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*waiting]) for url in queues]
    return [repr(one["Attributes"]) for one in told]


EVERYTHING = {
    "upstash_label": "alpha,zeta",
    "upstash_retries": "2",
    "upstash_retry_delay": "1000 * (1 + retried)",
    "upstash_flow_control_key": "k",
    "upstash_flow_control_value": "rate=10, parallelism=3, period=1d",
    "upstash_failure_callback": TOLD,
    "upstash_failure_callback_forward_x": "y",
    "upstash_forward_tenant": "Bürger",
}
"""Headers of a trigger that wishes for all that there is."""


# -- four letters that differ in everything that can be asked for


@dataclass(frozen=True)
class Catalog:
    """Letters `a` to `d`, the newest last; `records` as they are listed."""

    records: dict[str, Any]

    def names(self, dlq_ids: list[str]) -> str:
        known = {record["dlqId"]: name for name, record in self.records.items()}
        return "".join(known[dlq_id] for dlq_id in dlq_ids)

    def fill(self, query: str) -> str:
        """Write what stands in braces: a time, a run or an id of a letter, or one of the URLs."""
        values: dict[str, Any] = {"url": quote(URL, safe=""), "longer": quote(LONGER, safe="")}
        values |= {"comma": quote(WITH_COMMA, safe=""), "raw_comma": quote(WITH_COMMA, safe=",")}
        for name, record in self.records.items():
            values |= {f"{name}_failed": record["failedAt"], f"{name}_created": record["createdAt"]}
            values |= {f"{name}_after": record["failedAt"] + 1, f"{name}_before": record["failedAt"] - 1}
            values |= {f"{name}_run": record["workflowRunId"], f"{name}_message": record["messageId"]}
            values |= {name: record["dlqId"]}
        return re.sub(r"\{(\w+)\}", lambda found: str(values[found[1]]), query)


def catalog(world: World, api: Api) -> Catalog:
    """Let four runs fail.

    |   | workflow     | labels | failed with | flow key | callback    | caller    |
    |---|--------------|--------|-------------|----------|-------------|-----------|
    | a | `URL`        | x, y   | 503         | f1       | succeeded   | 127.0.0.1 |
    | b | `WITH_COMMA` | y      | 404         | f2       | failed      | 192.0.2.7 |
    | c | `LONGER`     | p q    | no answer   |          | canceled    | 127.0.0.1 |
    | d | `URL`        |        | no answer   |          | in progress | 127.0.0.1 |
    """
    publish(api)
    publish(api, url=WITH_COMMA, key="comma")
    publish(api, url=LONGER, key="longer")
    flow = {"upstash_flow_control_value": "rate=5", "upstash_failure_callback": TOLD}
    a = failed(world, api, answer=NO_STOCK, upstash_label="x,y", upstash_flow_control_key="f1", headers=flow)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LambdaEventConverter, "LOCAL_SOURCE_IP", "192.0.2.7")
        flow |= {"upstash_label": "y", "upstash_flow_control_key": "f2"}
        b = failed(world, api, url=WITH_COMMA, answer=Answered(404, {}, ""), told=DEAF, headers=flow)
    c = failed(world, api, url=LONGER, told=SLOW, upstash_label="p q", upstash_failure_callback=TOLD)
    assert api.delete(f"{DLQ}/callback/{c[0]}").status == 302
    d = failed(world, api, told=SLOW, upstash_failure_callback=TOLD)
    told = {letter["dlqId"]: letter for letter in letters(api)}
    return Catalog({name: told[dlq_id] for name, [dlq_id] in zip("abcd", (a, b, c, d), strict=True)})


CHOSEN = [
    ("", "dcba"),
    ("count=100", "dcba"),
    ("count=1", "d"),
    ("cursor=", "dcba"),
    ("workflowUrl={url}", "da"),
    ("workflowUrl={comma}", "b"),
    ("workflowUrl={raw_comma}", "b"),
    ("workflowUrl={comma}&workflowUrl={longer},{url}", "dcba"),
    ("url={longer}", "c"),
    ("workflowUrl=https://app.test/", ""),
    ("label=x", "a"),
    ("label=y", "ba"),
    ("label=x,p+q", "ca"),
    ("label=x&label=p%20q", "ca"),
    ("label=x%2Cp+q,z&label=w", "ca"),
    ("label=Y", ""),
    ("failureFunctionState=CALLBACK_SUCCESS", "a"),
    ("failureFunctionState=CALLBACK_FAIL", "b"),
    ("failureFunctionState=CALLBACK_CANCELED,CALLBACK_INPROGRESS", "dc"),
    ("failureCallbackState=CALLBACK_INPROGRESS", "d"),
    ("callerIp=192.0.2.7", "b"),
    ("callerIP=192.0.2.7", "b"),
    ("callerIp=192.0.2.8,127.0.0.1", "dca"),
    ("flowControlKey=f1", "a"),
    ("flowControlKey=f1&flowControlKey=f2,f3", "ba"),
    ("responseStatus=503", "a"),
    ("responseStatus=404&responseStatus=503", "ba"),
    ("responseStatus=500", ""),
    ("workflowRunId={c_run}", "c"),
    ("workflowRunId=wfr_nobodys", ""),
    ("workflowCreatedAt={b_created}", "b"),
    ("workflowCreatedAt={b_failed}", ""),
    ("fromDate={b_failed}", "dcb"),
    ("fromDate={b_after}", "dc"),
    ("toDate={b_failed}", "ba"),
    ("toDate={b_before}", "a"),
    ("fromDate={b_failed}&toDate={b_failed}", "b"),
    ("fromDate={c_failed}&toDate={b_failed}", ""),
    ("toDate={d_created}", "cba"),
    ("label=y&responseStatus=503", "a"),
    ("label=x&responseStatus=404", ""),
    ("workflowUrl={url}&count=1", "d"),
    ("label=y&toDate={b_before}&callerIp=127.0.0.1&flowControlKey=f1", "a"),
]
"""What a query keeps of the catalog, newest first."""

MEANINGLESS = [
    "labeel=x",
    "host=app.test",
    "path=/orders",
    "dlqIds=",
    "dlqIds={letter},",
    "dlqIds={letter}&dlqIds=",
    "dlqIds={letter}&labeel=x",
    "dlqIds=%20",
    "dlqIds=%C3%A9",
    "count=0",
    "count=-1",
    "count=many",
    "count=1.5",
    "count=1&count=2",
    "cursor=nonsense",
    "cursor=1752570296426-0",
    "cursor=%00",
    "label=",
    "label=x,",
    "callerIp=",
    "failureFunctionState=CALLBACK_DONE",
    "failureFunctionState=CALLBACK_FAIL,callback_success",
    "fromDate=yesterday",
    "fromDate=-1",
    "toDate=1e12",
    "toDate=99999999999999",
    "workflowCreatedAt=",
    "workflowCreatedAt=1&workflowCreatedAt=2",
]
"""Queries that no bulk call can mean."""
