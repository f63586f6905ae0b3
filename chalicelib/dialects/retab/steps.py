"""What happened in a run, over Retab's routes: its steps, its frozen graph, its documents, decisions of people."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from chalicelib.core.definitions import Definition
from chalicelib.core.ids import ActivityId, digest
from chalicelib.core.journal import Entry, Opened, closing_of
from chalicelib.core.runs import Run
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.retab.ids import read_run_id, write_run_id, write_version_id
from chalicelib.dialects.retab.lists import WHOLE, Ends
from chalicelib.dialects.retab.reading import last, read_body, read_limit
from chalicelib.dialects.retab.refusals import BlockUnknown, CursorUnknown, QueryInvalid
from chalicelib.dialects.retab.requests import Decision
from chalicelib.dialects.retab.run_answers import text_of
from chalicelib.dialects.retab.step_answers import Step, StepStatus, WorkflowRunStep, steps_of, write_step
from chalicelib.dialects.services import Services

LAST_WITH_ARRAY = 140
"""The SDKs up to 0.0.140 read the steps of a run as a bare array; later ones in the envelope of a list."""


class StepList(TypedDict):
    data: list[WorkflowRunStep]
    list_metadata: Ends


@dataclass(frozen=True, slots=True)
class Told:
    """A run with all that its steps are told from."""

    run: Run
    definition: Definition
    journal: tuple[Entry, ...]
    sdk: int

    @classmethod
    def load(cls, services: Services, call: Call, run_id: str) -> "Told":
        return cls.of(services, services.runs.load(call.account, read_run_id(run_id)))

    @classmethod
    def of(cls, services: Services, run: Run) -> "Told":
        definition = services.definitions.of(run).definition
        return cls(run, definition, services.runs.journal_of(run), services.retab_sdk)

    @property
    def steps(self) -> list[Step]:
        return steps_of(self.run, self.definition, self.journal)

    def write(self, step: Step) -> WorkflowRunStep:
        return write_step(self.run, step, self.definition.activities[step.block], self.sdk)


def of_run(services: Services, call: Call) -> Answer:
    """List a run's steps; in which shape, the stage says: on the wire the clients of both look alike."""
    told = Told.load(services, call, call.params["run_id"])
    data = [told.write(step) for step in told.steps]
    if services.retab_sdk <= LAST_WITH_ARRAY:
        return answer(data)
    return answer(StepList(data=data, list_metadata=WHOLE))


def of_block(services: Services, call: Call) -> Answer:
    """Show the last step of a block."""
    told, block = Told.load(services, call, call.params["run_id"]), call.params["block_id"]
    found = [step for step in told.steps if block in {step.block, step.id}]
    if not found:
        raise BlockUnknown("Workflow run step")
    return answer(told.write(found[-1]))


def listed(services: Services, call: Call) -> Answer:
    """List a run's steps page by page (SDK 0.0.143 on). A run must be named: there is no list of all steps."""
    told = Told.load(services, call, _run_of(call))
    wanted = {name: set(call.query.get(name, ())) for name in ("block_id", "step_id", "status")}
    steps = [
        step
        for step in told.steps
        if (not wanted["block_id"] or step.block in wanted["block_id"])
        and (not wanted["step_id"] or step.id in wanted["step_id"])
        and (not wanted["status"] or step.status in wanted["status"])
    ]
    page, ends = _page(steps, call)
    return answer(StepList(data=[told.write(step) for step in page], list_metadata=ends))


def show(services: Services, call: Call) -> Answer:
    told = Told.load(services, call, _run_of(call))
    step = next((step for step in told.steps if step.id == call.params["step_id"]), None)
    if step is None:
        raise BlockUnknown("Workflow run step")
    return answer(told.write(step))


def _run_of(call: Call) -> str:
    run = last(call, "run_id")
    if run is None:
        raise QueryInvalid("run_id", "is needed: steps are told from one run's journal")
    return run


def _page(steps: list[Step], call: Call) -> tuple[list[Step], Ends]:
    after, before, limit = last(call, "after"), last(call, "before"), read_limit(call)
    names = [step.id for step in steps]
    if not {after, before} - {None} <= set(names):
        raise CursorUnknown
    first = 0 if after is None else names.index(after) + 1
    end = min(len(steps), first + limit)
    if before is not None:
        end = names.index(before)
        first = max(0, end - limit)
    ends: Ends = {
        "before": names[first] if 0 < first < end else None,
        "after": names[end - 1] if first < end < len(steps) else None,
    }
    return steps[first:end], ends


# -- the graph, and documents


class RunConfig(TypedDict):
    """The graph that a run runs on, as its definition's document."""

    run_id: str
    workflow_id: str
    snapshot_id: str
    version_id: str
    config: dict[str, Any]


class ExecutionOrder(TypedDict):
    run_id: str
    ordered_step_ids: list[str]


class DocumentUrl(TypedDict):
    signed_url: str
    filename: str
    mime_type: str | None


def config(services: Services, call: Call) -> Answer:
    """Show the graph that a run runs on, as it was frozen."""
    run = services.runs.load(call.account, read_run_id(call.params["run_id"]))
    version = services.definitions.of(run)
    told: RunConfig = {
        "run_id": write_run_id(run.id),
        "workflow_id": run.definition,
        "snapshot_id": run.snapshot,
        "version_id": write_version_id(run.snapshot),
        "config": version.definition.document,
    }
    return answer(told)


def execution_order(services: Services, call: Call) -> Answer:
    told = Told.load(services, call, call.params["run_id"])
    order = [step.id for step in told.steps]
    return answer(ExecutionOrder(run_id=write_run_id(told.run.id), ordered_step_ids=order))


def document(services: Services, call: Call) -> Answer:
    """Say where an input document is: at the URL that it came with."""
    run = services.runs.load(call.account, read_run_id(call.params["run_id"]))
    documents = run.input.get("documents")
    found = documents.get(call.params["block_id"]) if isinstance(documents, dict) else None
    url = text_of(found.get("url")) if isinstance(found, dict) else ""
    if not isinstance(found, dict) or not url:
        raise BlockUnknown("Document")
    filename, mime_type = text_of(found.get("filename")), text_of(found.get("mime_type"))
    return answer(DocumentUrl(signed_url=url, filename=filename, mime_type=mime_type or None))


# -- decisions


class HilDecision(TypedDict):
    """What a person has decided at a block; null: nothing yet."""

    run_id: str
    block_id: str
    block_status: StepStatus
    decision_received: bool
    decision_applied: bool
    approved: bool | None
    modified_data: dict[str, Any] | None
    payload_hash: str | None
    received_at: str | None
    applied_at: str | None


class SubmittedDecision(TypedDict):
    submission_status: Literal["accepted", "already_received"]
    decision: HilDecision


def decide(services: Services, call: Call) -> Answer:
    """Complete the user task that waits at a block. The same decision again is `already_received`."""
    asked = read_body(call, Decision)
    told = Told.load(services, call, call.params["run_id"])
    opened = _opened(told, asked.block_id)
    was_closed = closing_of(told.journal, opened) is not None
    run = services.runs.complete(told.run.account, told.run.id, opened, asked.variables)
    decision = _decision(Told.of(services, run), asked.block_id)
    return answer(
        SubmittedDecision(submission_status="already_received" if was_closed else "accepted", decision=decision)
    )


def decision(services: Services, call: Call) -> Answer:
    told = Told.load(services, call, call.params["run_id"])
    return answer(_decision(told, call.params["block_id"]))


def _opened(told: Told, block: str) -> int:
    """Answer the last wait that was opened at a block for a person."""
    waits = [i for i, entry in enumerate(told.journal) if _is_task(entry, block)]
    if not waits:
        raise BlockUnknown("HIL decision")
    return waits[-1]


def _is_task(entry: Entry, block: str) -> bool:
    return isinstance(entry, Opened) and entry.due is None and entry.activity == ActivityId(block)


def _decision(told: Told, block: str) -> HilDecision:
    """Tell of a decision. Other dialects' clients complete a task with whatever they like."""
    opened = _opened(told, block)
    closing = closing_of(told.journal, opened)
    step = next(step for step in reversed(told.steps) if step.block == block)
    said = closing.result if closing is not None and isinstance(closing.result, dict) else {}
    approved, modified = said.get("approved"), said.get("modified_data")
    at = None if closing is None else told.write(step)["completed_at"]
    return {
        "run_id": write_run_id(told.run.id),
        "block_id": block,
        "block_status": step.status,
        "decision_received": closing is not None,
        "decision_applied": closing is not None,
        "approved": approved if isinstance(approved, bool) else None,
        "modified_data": modified if isinstance(modified, dict) else None,
        "payload_hash": None if closing is None else digest(closing.result),
        "received_at": at,
        "applied_at": at,
    }
