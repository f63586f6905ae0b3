"""Restarts over our own dialect, and the dead letters that ask for them."""

from chalicelib.core.access import Scope
from chalicelib.core.dead_letters import LetterFilter
from chalicelib.core.ids import RunId
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.ops.answers import DeadLetterList, write_dead_letter
from chalicelib.dialects.ops.reading import read_body, read_query
from chalicelib.dialects.ops.requests import Listing, Restart, RestartQuery, read_restart
from chalicelib.dialects.ops.run_answers import Preview, Run, made_answer, write_plan
from chalicelib.dialects.places import read_place
from chalicelib.dialects.services import Services
from chalicelib.service.commands import Command


def restart(services: Services, call: Call) -> Answer:
    query, body, source = read_query(call, RestartQuery), read_body(call), RunId(call.params["id"])
    asked, idempotency_key = read_struct(body, Restart), read_idempotency_key(call)
    request = read_restart(asked, source, call.cause("ops", idempotency_key, asked.reason))
    command = Command(call.account, "ops", "restart", source, body, idempotency_key)
    if query.dry_run:
        return answer(write_plan(services.restarts.preview(command, request), asked.start))
    made = services.restarts.restart(command, request)
    return made_answer(made)


def dead_letters(services: Services, call: Call) -> Answer:
    query = read_query(call, Listing)
    place = read_place(services, call, query.cursor, listed="dead_letters")
    page = services.dead_letters.page(call.account, LetterFilter(), before=place.position, limit=query.limit)
    letters = [write_dead_letter(letter) for letter in page.items]
    return answer(DeadLetterList(dead_letters=letters, next_cursor=place.next_cursor(page.next)))


OPERATIONS = (
    Operation(
        Route("POST", "/ops/v1/runs/{id}/restart", Scope.RESTART, restart, JSON_TYPE),
        "Restart an ended run as a new one; with dry_run, say what would be written and write nothing",
        answers={200: (Run, Preview), 201: (Run,)},
        body=Restart,
        is_body_needed=False,
        query=RestartQuery,
        is_idempotent=True,
        refusals=(410,),
    ),
    Operation(
        Route("GET", "/ops/v1/dead-letters", Scope.READ, dead_letters),
        "List the failed runs that no restart has taken up, newest first",
        answers={200: (DeadLetterList,)},
        query=Listing,
    ),
)
