"""Let an invocation stand still, go on, end or go away (PATCH /invocations/{id}/…, and the deprecated DELETE).

A kill and a cancel both end a run at once: nothing of it is left that could clean up. They differ in what is told of
the end, `[409] killed` and `[409] Cancelled` (`[409] canceled` of one that had not begun).
"""

from collections.abc import Callable
from http import HTTPStatus

import msgspec

from chalicelib.core.access import Scope
from chalicelib.core.errors import Conflict, NotFound
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.runs import RunStatus
from chalicelib.core.versions import SameVersion
from chalicelib.dialects.edge import Answer, Call, Route
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.ids import read_deployment, read_run_id
from chalicelib.dialects.restate.places import FREE, PATH, asked, read_text
from chalicelib.dialects.restate.query_strings import pairs_of, read_deletion_mode, read_deployment_wish
from chalicelib.dialects.restate.refusals import Operation as Asked
from chalicelib.dialects.restate.refusals import telling
from chalicelib.dialects.services import Services

Handler = Callable[[Services, Call], Answer]

KILLED = "killed"
CANCELLED = "Cancelled"
CANCELED = "canceled"  # of one that had not begun
KEEP = SameVersion()

_DONE = Answer(HTTPStatus.OK)
_ACCEPTED = Answer(HTTPStatus.ACCEPTED)


class ResumeQuery(msgspec.Struct, frozen=True):
    """`keep`, `latest` or an id; another deployment than the invocation's own is refused."""

    deployment: str = "keep"


class DeletionQuery(msgspec.Struct, frozen=True):
    """`cancel`, `kill` or `purge`."""

    mode: str = "cancel"


def pause(services: Services, call: Call) -> Answer:
    with asked(Asked.PAUSE, call) as run_id:
        before = services.runs.load(call.account, run_id)
        services.runs.pause(call.account, run_id, "")
    return _ACCEPTED if before.status in {RunStatus.PENDING, RunStatus.RUNNING} else _DONE


def resume(services: Services, call: Call) -> Answer:
    text = read_text(call)
    deployment = read_deployment_wish(pairs_of(call.query))
    run_id, version = read_run_id(text), read_deployment(deployment, KEEP)
    with telling(Asked.RESUME, text):
        services.resumptions.resume(call.account, run_id, version)
    return _DONE


def kill(services: Services, call: Call) -> Answer:
    with asked(Asked.KILL, call) as run_id:
        kill_run(services, call.account, run_id)
    return _DONE


def cancel(services: Services, call: Call) -> Answer:
    with asked(Asked.CANCEL, call) as run_id:
        has_begun = cancel_run(services, call.account, run_id)
    return _ACCEPTED if has_begun else _DONE


def purge(services: Services, call: Call) -> Answer:
    with asked(Asked.PURGE, call) as run_id:
        services.runs.delete(call.account, run_id)
    return _DONE


def purge_journal(services: Services, call: Call) -> Answer:
    with asked(Asked.PURGE_JOURNAL, call) as run_id:
        services.runs.purge_journal(call.account, run_id)
    return _DONE


def delete(services: Services, call: Call) -> Answer:
    text = read_text(call)
    mode = read_deletion_mode(pairs_of(call.query))
    run_id = read_run_id(text)
    with telling(Asked.PURGE, text):
        try:
            _DELETIONS[mode](services, call.account, run_id)
        except (NotFound, Conflict):
            return _ACCEPTED
    return _ACCEPTED


def kill_run(services: Services, account: AccountId, run_id: RunId) -> None:
    """End a run; raise `RunEnded` if it has ended, however."""
    services.runs.cancel(account, run_id, KILLED, is_once=True)


def cancel_run(services: Services, account: AccountId, run_id: RunId) -> bool:
    """Do the same, and say whether the run had begun."""
    has_begun = services.runs.load(account, run_id).status is not RunStatus.PENDING
    services.runs.cancel(account, run_id, CANCELLED if has_begun else CANCELED, is_once=True)
    return has_begun


_DELETIONS: dict[str, Callable[[Services, AccountId, RunId], object]] = {
    "cancel": cancel_run,
    "kill": kill_run,
    "purge": lambda services, account, run_id: services.runs.delete(account, run_id),
}


def _patch(
    name: str, handler: Handler, summary: str, *statuses: int, query: type[msgspec.Struct] | None = None
) -> Operation:
    return Operation(
        Route("PATCH", f"{PATH}/{name}", Scope.WRITE, handler, free=FREE),
        summary,
        answers=dict.fromkeys(statuses, ()),
        query=query,
        refusals=(409, 425) if handler is resume else (409,),
    )


OPERATIONS = (
    _patch("pause", pause, "Let an invocation stand still; 202 while something of it is under way", 200, 202),
    _patch("resume", resume, "Let a paused invocation go on, on its own deployment", 200, query=ResumeQuery),
    _patch("kill", kill, "End an invocation at once", 200),
    _patch("cancel", cancel, "End an invocation at once; 202 if it had begun", 200, 202),
    _patch("purge", purge, "Take a completed invocation away", 200),
    _patch("purge-journal", purge_journal, "Take a completed invocation's journal away", 200),
    Operation(
        Route("DELETE", PATH, Scope.WRITE, delete, free=FREE),
        "Cancel, kill or purge an invocation, if there is anything to do (deprecated)",
        answers={202: ()},
        query=DeletionQuery,
    ),
)
