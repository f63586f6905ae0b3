"""The steps of a run, told from its journal: one for each visit of a block.

Both `status` (SDKs up to 0.0.139) and `lifecycle` (later ones) say how a step stands. A block's second visit is
another step: its id has the visit's number behind it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, assert_never

from chalicelib.core.definitions import Activity, Definition, HttpAction, ServiceTask
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Changed, Closed, Entry, Failure, Input, Opened, Output, Passed, Performed, Signal
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.retab.ids import write_run_id
from chalicelib.dialects.retab.run_answers import awaiting_status
from chalicelib.dialects.times import write_time, write_time_or_none

StepStatus = Literal["completed", "error", "running", "waiting_for_human", "cancelled"]


class StepErrorDetails(TypedDict):
    error_code: str


class StepLifecycle(TypedDict):
    """How a step stands; `reason` says why it was cancelled, the rest what its error was."""

    status: Literal["completed", "error", "running", "waiting_for_human", "awaiting_review", "cancelled"]
    reason: NotRequired[str]
    message: NotRequired[str]
    stage: NotRequired[Literal["execution"]]
    details: NotRequired[StepErrorDetails]


class HandlePayload(TypedDict):
    type: Literal["json"]
    data: dict[str, Any]


class WorkflowRunStep(TypedDict):
    """One visit of a block, with what it gave."""

    run_id: str
    organization_id: str
    block_id: str
    step_id: str
    block_type: Literal["api_call", "function"]
    block_label: str
    status: StepStatus
    lifecycle: StepLifecycle
    started_at: str
    completed_at: str | None
    created_at: str
    terminal: None
    handle_inputs: dict[str, HandlePayload]
    handle_outputs: dict[str, HandlePayload]
    artifact: None
    retry_count: int
    loop_containers: list[Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One visit of a block. Times in ms; `opened` is the entry that opened its wait, if it is one for a person."""

    block: ActivityId
    id: str
    status: StepStatus
    started_at: int
    ended_at: int | None = None
    result: Json = None
    failure: Failure | None = None


def steps_of(run: Run, definition: Definition, journal: Sequence[Entry]) -> list[Step]:
    """List a run's steps in the order in which they began."""
    steps: dict[int, Step] = {}
    visits: Counter[str] = Counter()
    for index, entry in enumerate(journal):
        match entry:
            case Performed(activity=block, at=at, result=result, failure=failure):
                began = journal[index - 1].at
                status: StepStatus = "completed" if failure is None else "error"
                steps[index] = Step(block, _id(block, visits), status, began, at, result, failure)
            case Opened(activity=block, at=at, due=due):
                status = _open_status(run, is_for_a_person=due is None)
                steps[index] = Step(block, _id(block, visits), status, at)
            case Closed(opened=opened, at=at, result=result):
                begun = steps[opened]
                steps[opened] = Step(begun.block, begun.id, "completed", begun.started_at, at, result)
            case Input() | Passed() | Changed() | Signal() | Output():
                pass
            case _:
                assert_never(entry)
    return [step for step in steps.values() if step.block in definition.activities]


def _id(block: ActivityId, visits: Counter[str]) -> str:
    visits[block] += 1
    return block if visits[block] == 1 else f"{block}.{visits[block]}"


def _open_status(run: Run, *, is_for_a_person: bool) -> StepStatus:
    if run.status is RunStatus.CANCELED:
        return "cancelled"
    return "waiting_for_human" if is_for_a_person else "running"


def write_step(run: Run, step: Step, activity: Activity, sdk: int) -> WorkflowRunStep:
    outputs: dict[str, HandlePayload] = {}
    if step.result is not None:
        outputs["output-json-0"] = {"type": "json", "data": _data(step.result)}
    return {
        "run_id": write_run_id(run.id),
        "organization_id": run.account,
        "block_id": step.block,
        "step_id": step.id,
        "block_type": _type_of(activity),
        "block_label": activity.name or activity.id,
        "status": step.status,
        "lifecycle": _lifecycle(step, sdk),
        "started_at": write_time(step.started_at),
        "completed_at": write_time_or_none(step.ended_at),
        "created_at": write_time(step.started_at),
        "terminal": None,
        "handle_inputs": {},
        "handle_outputs": outputs,
        "artifact": None,
        "retry_count": 0,
        "loop_containers": [],
    }


def _data(result: Json) -> Variables:
    return result if isinstance(result, dict) else {"result": result}


def _type_of(activity: Activity) -> Literal["api_call", "function"]:
    """Say a block's type as Retab knows them: what calls out is an API call, all else a function."""
    is_call = isinstance(activity.kind, ServiceTask) and isinstance(activity.kind.action, HttpAction)
    return "api_call" if is_call else "function"


def _lifecycle(step: Step, sdk: int) -> StepLifecycle:
    told: StepLifecycle = {"status": awaiting_status(sdk) if step.status == "waiting_for_human" else step.status}
    if step.status == "cancelled":
        told["reason"] = "The run was cancelled."  # the SDKs from 0.0.140 on read no cancelled step without one
    if step.failure is not None:
        told |= {"message": step.failure.message, "stage": "execution", "details": {"error_code": step.failure.code}}
    return told
