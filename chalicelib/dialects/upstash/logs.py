"""Logs of runs, flow control as it stands, and the keys that callbacks are signed with."""

from typing import Literal, NotRequired, TypedDict

import msgspec

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import RunId
from chalicelib.core.run_summaries import RunSummary
from chalicelib.dialects.edge import MAX_ANSWER, Answer, Call
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.places import read_place
from chalicelib.dialects.services import Services
from chalicelib.dialects.upstash.errors import ParameterInvalid
from chalicelib.dialects.upstash.ids import read_run_id
from chalicelib.dialects.upstash.log_answers import RunLog, write_log
from chalicelib.dialects.upstash.parameters import Parameters
from chalicelib.dialects.upstash.run_filters import RunState, RunsWanted, Wanted

USUAL, MOST = 10, 100  # runs of one page
_PAGE_BYTES = MAX_ANSWER // 2
_SHOWN = frozenset({"count", "cursor", "groupBy", "trimBody"})


class Logged(RunsWanted, frozen=True, kw_only=True, rename="camel"):
    """Which runs are listed: these (`id@time`), or a page of those of which all that is given holds."""

    workflow_runs: str | list[str] | None = None
    state: RunState | list[RunState] | None = None
    cursor: str | None = None
    count: int | None = None
    trim_body: int | None = None
    group_by: Literal["workflowRunId"] | None = None


class LogPage(TypedDict):
    """Without a cursor it is the last one."""

    runs: list[RunLog]
    cursor: NotRequired[str]


class FlowUse(TypedDict):
    """How much of a flow-control key's limits is in use; the period and its start are in seconds."""

    flowControlKey: str
    waitListSize: int
    parallelismMax: int
    parallelismCount: int
    rateMax: int
    rateCount: int
    ratePeriod: int
    ratePeriodStart: int
    isPaused: bool
    isPinnedParallelism: bool
    isPinnedRate: bool


class SigningKeys(TypedDict):
    current: str
    next: str


class KeysNotSet(NotFound):
    code = "signing_keys_not_set"

    def __init__(self) -> None:
        super().__init__("This stage signs no callbacks: no signing keys are set.")


def events(services: Services, call: Call) -> Answer:
    """List runs as the SDK asks for them; other groupings are QStash's own."""
    if call.query.get("groupBy", ("",))[-1] != "workflowRunId":
        raise ParameterInvalid("groupBy", "must be workflowRunId")
    return logs(services, call)


def logs(services: Services, call: Call) -> Answer:
    asked = Parameters.read(call, Logged)
    trim = asked.number("trimBody")
    if asked.has("workflowRuns"):
        names = [text.partition("@")[0] for text in asked.listed("workflowRuns")]
        return answer(LogPage(runs=_written(services, call, names, trim)))
    name = asked.one("workflowRunId")
    wanted = Wanted.read(asked, is_exact=True)
    if name is not None:
        return answer(LogPage(runs=_written(services, call, [name], trim, wanted)))
    place = read_place(services, call, asked.one("cursor"), listed=["logs", asked.asked(without=_SHOWN)])
    page = services.runs.page(call.account, wanted.filter(asked), before=place.position, limit=asked.count(USUAL, MOST))
    runs, last = _as_many_as_fit(services, call, page.items, trim, wanted)
    told = LogPage(runs=runs)
    cursor = place.next_cursor(page.next if last is None else last.position)
    if cursor:
        told["cursor"] = cursor
    return answer(told)


def _written(
    services: Services, call: Call, names: list[str], trim: int | None, wanted: Wanted | None = None
) -> list[RunLog]:
    """Write the runs of these names, as far as there are any."""
    ids = [read_run_id(call.account, name) for name in names]
    runs = services.runs.load_all(call.account, ids)
    kept = [runs[id_] for id_ in ids if id_ in runs and (wanted is None or wanted.keeps_run(runs[id_]))]
    return [write_log(run, services.runs.journal_of(run), trim) for run in kept]


def _as_many_as_fit(
    services: Services, call: Call, listed: tuple[RunSummary, ...], trim: int | None, wanted: Wanted
) -> tuple[list[RunLog], RunSummary | None]:
    """Write runs as far as one answer holds them; name the last one if there are more."""
    heads = services.runs.load_all(call.account, [RunId(run.id) for run in listed])
    runs: list[RunLog] = []
    size = 0
    for number, summary in enumerate(listed):
        head = heads.get(summary.id)
        if head is None or not wanted.keeps_head(head):
            continue
        runs.append(write_log(head, services.runs.journal_of(head), trim))
        size += len(msgspec.json.encode(runs[-1]))
        if size > _PAGE_BYTES and number + 1 < len(listed):
            return runs, summary
    return runs, None


def flow_control(services: Services, call: Call) -> Answer:
    """Tell how much of a key's limits is in use; what nobody uses has none."""
    Parameters.read(call)
    key = call.params["key"]
    usage = services.flows.usage(call.account, key)
    window = usage.window
    told: FlowUse = {
        "flowControlKey": key,
        "waitListSize": usage.waiting,
        "parallelismMax": usage.parallelism or 0,
        "parallelismCount": usage.held,
        "rateMax": window.rate if window else 0,
        "rateCount": window.begun if window else 0,
        "ratePeriod": window.period_ms // 1000 if window else 0,
        "ratePeriodStart": window.begins_at // 1000 if window else 0,
        "isPaused": False,
        "isPinnedParallelism": False,
        "isPinnedRate": False,
    }
    return answer(told)


def keys(services: Services, call: Call) -> Answer:
    Parameters.read(call)
    if services.signing_keys is None:
        raise KeysNotSet
    current, following = services.signing_keys
    return answer(SigningKeys(current=current, next=following))
