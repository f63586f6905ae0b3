"""Runs over our own dialect: start, list, look at, cancel, complete a task."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from chalicelib.core import journal
from chalicelib.core.access import Scope
from chalicelib.core.errors import Invalid
from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.json_values import Variables
from chalicelib.dialects.edge import JSON_TYPE, MAX_ANSWER, Answer, Call, Route
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.ops.journal_answers import AnyEntry, Journal, write_entry
from chalicelib.dialects.ops.reading import read_body, read_no_query, read_query
from chalicelib.dialects.ops.requests import (
    Change,
    Complete,
    JournalQuery,
    Reasoned,
    RunQuery,
    Start,
    read_filter,
    read_start,
    read_version,
)
from chalicelib.dialects.ops.run_answers import (
    Family,
    Run,
    RunDetail,
    RunList,
    made_answer,
    write_family,
    write_run,
    write_run_detail,
)
from chalicelib.dialects.places import read_place
from chalicelib.dialects.services import Services
from chalicelib.service.commands import Command
from chalicelib.service.runs import MAX_FAMILY

_JOURNAL_BYTES = MAX_ANSWER // 2  # of one page; one entry more may come on top
_INDEX = re.compile(r"[0-9]{1,9}")


class EntryInvalid(Invalid):
    def __init__(self) -> None:
        super().__init__("'entry' must be the index of a journal entry.", parameter="entry")


def start(services: Services, call: Call) -> Answer:
    read_no_query(call)
    body, key = read_body(call), DefinitionKey(call.params["key"])
    asked, idempotency_key = read_struct(body, Start), read_idempotency_key(call)
    request = read_start(asked, call.account, call.cause("ops", idempotency_key))
    command = Command(call.account, "ops", "start", key, body, idempotency_key)
    made = services.runs.start(command, key, read_version(asked.version), request)
    return made_answer(made)


def listed(services: Services, call: Call) -> Answer:
    query = read_query(call, RunQuery)
    asked: Any = msgspec.to_builtins(msgspec.structs.replace(query, limit=1, cursor=None))  # pages may differ in size
    place = read_place(services, call, query.cursor, listed=["runs", asked])
    page = services.runs.page(call.account, read_filter(query), before=place.position, limit=query.limit)
    return answer(RunList(runs=[write_run(run) for run in page.items], next_cursor=place.next_cursor(page.next)))


def show(services: Services, call: Call) -> Answer:
    read_no_query(call)
    run = services.runs.load(call.account, RunId(call.params["id"]))
    return answer(write_run_detail(run, services.runs.waits(run)))


def show_journal(services: Services, call: Call) -> Answer:
    query = read_query(call, JournalQuery)
    entries = services.runs.journal(call.account, RunId(call.params["id"]))
    page = _page(entries[query.first : query.first + query.limit], query.first)
    reached = query.first + len(page)
    return answer(Journal(entries=page, length=len(entries), next=reached if reached < len(entries) else None))


def _page(entries: Sequence[journal.Entry], first: int) -> list[AnyEntry]:
    """Write entries, numbered from `first`, as far as one answer holds them."""
    page: list[AnyEntry] = []
    size = 0
    for index, entry in enumerate(entries, first):
        if size > _JOURNAL_BYTES:
            break
        page.append(write_entry(index, entry))
        size += len(msgspec.json.encode(page[-1]))
    return page


def show_family(services: Services, call: Call) -> Answer:
    read_no_query(call)
    run = services.runs.load(call.account, RunId(call.params["id"]))
    members = services.runs.family(call.account, run.id)
    return answer(write_family(run.lineage.root, members, is_truncated=len(members) == MAX_FAMILY))


def cancel(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked = read_struct(read_body(call), Reasoned)
    return answer(write_run(services.runs.cancel(call.account, RunId(call.params["id"]), asked.reason)))


def pause(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked = read_struct(read_body(call), Reasoned)
    return answer(write_run(services.runs.pause(call.account, RunId(call.params["id"]), asked.reason)))


def resume(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked = read_struct(read_body(call), Reasoned)
    return answer(write_run(services.runs.resume(call.account, RunId(call.params["id"]), asked.reason)))


def change(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked = read_struct(read_body(call), Change)

    def revise(variables: Variables) -> Variables:
        kept = {name: value for name, value in variables.items() if name not in asked.remove}
        return {**kept, **asked.set}

    return answer(write_run(services.runs.change(call.account, RunId(call.params["id"]), revise)))


def complete(services: Services, call: Call) -> Answer:
    read_no_query(call)
    if not _INDEX.fullmatch(call.params["entry"]):
        raise EntryInvalid
    asked, entry = read_struct(read_body(call), Complete), int(call.params["entry"])
    return answer(write_run(services.runs.complete(call.account, RunId(call.params["id"]), entry, asked.variables)))


def delete(services: Services, call: Call) -> Answer:
    read_no_query(call)
    services.runs.delete(call.account, RunId(call.params["id"]))
    return Answer(204)


def purge_journal(services: Services, call: Call) -> Answer:
    read_no_query(call)
    services.runs.purge_journal(call.account, RunId(call.params["id"]))
    return Answer(204)


OPERATIONS = (
    Operation(
        Route("POST", "/ops/v1/definitions/{key}/runs", Scope.WRITE, start, JSON_TYPE),
        "Start a run",
        answers={200: (Run,), 201: (Run,)},
        body=Start,
        is_body_needed=False,
        is_idempotent=True,
    ),
    Operation(
        Route("GET", "/ops/v1/runs", Scope.READ, listed),
        "List runs, newest first: those that meet all that is given",
        answers={200: (RunList,)},
        query=RunQuery,
    ),
    Operation(
        Route("GET", "/ops/v1/runs/{id}", Scope.READ, show),
        "Show a run with its data, its open tasks and its timers",
        answers={200: (RunDetail,)},
        refusals=(413,),
    ),
    Operation(
        Route("GET", "/ops/v1/runs/{id}/journal", Scope.READ, show_journal),
        "Show a run's journal, or part of it",
        answers={200: (Journal,)},
        query=JournalQuery,
        refusals=(410,),
    ),
    Operation(
        Route("GET", "/ops/v1/runs/{id}/family", Scope.READ, show_family),
        "Show the root of a run and everything that was restarted from it",
        answers={200: (Family,)},
    ),
    Operation(
        Route("POST", "/ops/v1/runs/{id}/cancel", Scope.WRITE, cancel, JSON_TYPE),
        "Cancel a run",
        answers={200: (Run,)},
        body=Reasoned,
        is_body_needed=False,
        refusals=(409,),
    ),
    Operation(
        Route("POST", "/ops/v1/runs/{id}/pause", Scope.WRITE, pause, JSON_TYPE),
        "Let a run stand still where it is",
        answers={200: (Run,)},
        body=Reasoned,
        is_body_needed=False,
        refusals=(409,),
    ),
    Operation(
        Route("POST", "/ops/v1/runs/{id}/resume", Scope.WRITE, resume, JSON_TYPE),
        "Let a paused run go on",
        answers={200: (Run,)},
        body=Reasoned,
        is_body_needed=False,
        refusals=(409,),
    ),
    Operation(
        Route("POST", "/ops/v1/runs/{id}/variables", Scope.WRITE, change, JSON_TYPE),
        "Set and take away variables of a run that has not ended",
        answers={200: (Run,)},
        body=Change,
        refusals=(409,),
    ),
    Operation(
        Route("POST", "/ops/v1/runs/{id}/tasks/{entry}/complete", Scope.WRITE, complete, JSON_TYPE),
        "Complete the user task that a journal entry opened",
        answers={200: (Run,)},
        body=Complete,
        is_body_needed=False,
        refusals=(409,),
    ),
    Operation(
        Route("DELETE", "/ops/v1/runs/{id}", Scope.WRITE, delete),
        "Take an ended run away, with its journal and its dead letter",
        answers={204: ()},
        refusals=(409,),
    ),
    Operation(
        Route("DELETE", "/ops/v1/runs/{id}/journal", Scope.WRITE, purge_journal),
        "Take an ended run's journal away; the run stays",
        answers={204: ()},
        refusals=(409,),
    ),
)
