"""The dead letter queue: looked through, restarted, resumed, emptied, and told of again."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import msgspec

from chalicelib.core.dead_letters import DeadLetter
from chalicelib.core.errors import RestartError
from chalicelib.core.ids import DeadLetterId, RunId
from chalicelib.core.json_values import Json
from chalicelib.core.restart_requests import Beginning, FromFailure, RestartRequest, StartPoint
from chalicelib.core.runs import Run
from chalicelib.dialects.edge import MAX_ANSWER, Answer, Call
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.services import Services
from chalicelib.dialects.upstash.errors import HeaderInvalid
from chalicelib.dialects.upstash.failure_letters import message_id
from chalicelib.dialects.upstash.ids import write_run_id
from chalicelib.dialects.upstash.letter_answers import Letter, write_letter
from chalicelib.dialects.upstash.letter_filters import MAX_LISTED, Shown, read_listing, read_selection
from chalicelib.dialects.upstash.parameters import Parameters
from chalicelib.dialects.upstash.wishes import WISHES, Wishes, read_wishes
from chalicelib.service.commands import Command
from chalicelib.service.dead_letters import MOST, DeadLettersGone, Reborn

_PAGE_BYTES = MAX_ANSWER - 4_096  # of a page's letters; a cursor and brackets come on top


# -- looking


class LetterPage(TypedDict):
    """Without a cursor it is the last one."""

    messages: list[Letter]
    cursor: NotRequired[str]


def listed(services: Services, call: Call) -> Answer:
    asked, trim = read_listing(services, call)
    if asked.ids is not None:
        letters = services.dead_letters.load_all(call.account, asked.ids) if asked.ids else []
        return answer(LetterPage(messages=[write_letter(letter, trim) for letter in letters]))
    page = services.dead_letters.page(call.account, asked.filter, before=asked.place.position, limit=asked.count)
    messages = _as_many_as_fit(page.items, trim)
    reached = page.next if len(messages) == len(page.items) else page.items[len(messages) - 1].id
    told = LetterPage(messages=messages)
    cursor = asked.place.next_cursor(reached)
    if cursor:
        told["cursor"] = cursor
    return answer(told)


def _as_many_as_fit(letters: Sequence[DeadLetter], trim: int | None) -> list[Letter]:
    messages: list[Letter] = []
    size = 0
    for letter in letters:
        message = write_letter(letter, trim)
        size += len(msgspec.json.encode(message)) + 1
        if messages and size > _PAGE_BYTES:
            break
        messages.append(message)
    return messages


def show(services: Services, call: Call) -> Answer:
    Parameters.read(call, Shown)
    return answer(write_letter(services.dead_letters.load(call.account, _letter_id(call))))


def _letter_id(call: Call) -> DeadLetterId:
    return DeadLetterId(call.params["dlq_id"])


# -- restarting


class Born(TypedDict):
    """A run that was made, and when (ms)."""

    workflowRunId: str
    workflowCreatedAt: int


class Made(Born):
    """The run that a dead letter became."""

    dlqId: str


class NotMade(TypedDict):
    """A dead letter that a filter kept and that could not be restarted; it stays."""

    dlqId: str
    error: str
    code: str


class MadeMany(TypedDict):
    """New runs in the order of their dead letters; an empty cursor says that there are no more."""

    cursor: str
    workflowRuns: list[Made]
    refused: NotRequired[list[NotMade]]


class Redelivery(TypedDict):
    messageId: str


class Redeliveries(TypedDict):
    """An empty cursor says that there are no more."""

    cursor: str
    responses: list[Redelivery]


def restart_many(services: Services, call: Call) -> Answer:
    return _make_many(services, call, Beginning())


def resume_many(services: Services, call: Call) -> Answer:
    return _make_many(services, call, FromFailure())


def restart_one(services: Services, call: Call) -> Answer:
    return _make_one(services, call, Beginning())


def resume_one(services: Services, call: Call) -> Answer:
    return _make_one(services, call, FromFailure())


def _make_many(services: Services, call: Call, start: StartPoint) -> Answer:
    made, refused, cursor = make_runs(services, call, start)
    told: MadeMany = {"cursor": cursor, "workflowRuns": [_write_made(one) for one in made]}
    if refused:
        told["refused"] = [{"dlqId": id_, "error": error.message, "code": error.code} for id_, error in refused]
    return answer(told)


Refused = Sequence[tuple[DeadLetterId, RestartError]]


def make_runs(services: Services, call: Call, start: StartPoint) -> tuple[Sequence[Reborn], Refused, str]:
    """Restart what a call selects; answer the new runs, what could not be, and the cursor (empty at the end)."""
    asked = read_selection(services, call, most=MOST)
    request, key = _read_request(call, start), read_idempotency_key(call)
    if asked.ids is not None:
        command = _command(call, start, asked.ids)
        return services.dead_letters.restart(command, asked.ids, request) if asked.ids else [], (), ""
    if key is not None:
        raise HeaderInvalid("Idempotency-Key", "goes with 'dlqIds': a filter means other entries each time.")
    page = services.dead_letters.restart_page(
        _command(call, start, []), asked.filter, request, before=asked.place.position, limit=asked.count
    )
    return page.made, page.refused, asked.place.next_cursor(page.next) or ""


def _make_one(services: Services, call: Call, start: StartPoint) -> Answer:
    Parameters.read(call)
    letter_id = _letter_id(call)
    command = _command(call, start, [letter_id])
    [made] = services.dead_letters.restart(command, [letter_id], _read_request(call, start))
    return answer(_write_made(made))


def _command(call: Call, start: StartPoint, ids: Sequence[DeadLetterId]) -> Command:
    wishes: Json = {name: call.headers[name] for name in WISHES & call.headers.keys()}
    route = "dlq/restart" if isinstance(start, Beginning) else "dlq/resume"
    request: Json = {"ids": list[Json](ids), "wishes": wishes}
    return Command(call.account, "upstash", route, "", request, read_idempotency_key(call))


def _read_request(call: Call, start: StartPoint) -> RestartRequest:
    """Answer how letters are to be restarted; the sources are theirs."""
    if "upstash-not-before" in call.headers:
        raise HeaderInvalid("Upstash-Not-Before", "is for triggers: a restart takes Upstash-Delay.")
    wishes: Wishes = read_wishes(call.headers)
    key = read_idempotency_key(call)
    return RestartRequest(
        source=RunId(""),
        cause=call.cause("upstash", key),
        start=start,
        retries=wishes.retries,
        retry_delay=wishes.retry_delay,
        delay_s=wishes.delay_s,
        flow_key=wishes.flow_key,
        flow_limits=wishes.flow_limits,
        failure_callback=wishes.callback,
        labels=wishes.labels,
    )


def _write_made(made: Reborn) -> Made:
    return {**_write_born(made.run), "dlqId": made.letter.id}


def _write_born(run: Run) -> Born:
    return {"workflowRunId": write_run_id(run), "workflowCreatedAt": run.created_at}


def retry_many(services: Services, call: Call) -> Answer:
    """QStash's own word for it: its SDK asks for messages to be delivered again."""
    made, _, cursor = make_runs(services, call, FromFailure())
    return answer(Redeliveries(cursor=cursor, responses=[{"messageId": message_id(one.run)} for one in made]), 201)


# -- removing


class Deleted(TypedDict):
    """How many dead letters were removed; without a cursor there are no more."""

    deleted: int
    cursor: NotRequired[str]


def remove_one(services: Services, call: Call) -> Answer:
    Parameters.read(call)
    letter_id = _letter_id(call)
    if not services.dead_letters.remove(call.account, [letter_id]):
        raise DeadLettersGone([letter_id], {})
    return Answer(200)


def remove_many(services: Services, call: Call) -> Answer:
    asked = read_selection(services, call, most=MAX_LISTED)
    if asked.ids is not None:
        return answer(Deleted(deleted=services.dead_letters.remove(call.account, asked.ids)))
    removed, reached = services.dead_letters.remove_page(
        call.account, asked.filter, before=asked.place.position, limit=asked.count
    )
    told = Deleted(deleted=removed)
    cursor = asked.place.next_cursor(reached)
    if cursor:
        told["cursor"] = cursor
    return answer(told)


# -- telling of a failure


def tell_again(services: Services, call: Call) -> Answer:
    Parameters.read(call)
    return answer(_write_born(services.dead_letters.tell_again(call.account, _letter_id(call))))


def cancel_callback(services: Services, call: Call) -> Answer:
    """Answer 302, as the page says."""
    Parameters.read(call)
    services.dead_letters.cancel_callback(call.account, _letter_id(call))
    return Answer(302)
