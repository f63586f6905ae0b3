"""Start a process instance: with nothing but the body, or with the data of another instance under it."""

from chalicelib.core.apps import BuildId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.restart_requests import Data, Inherited, RestartRequest, StartRequest
from chalicelib.core.runs import RunStatus
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.flowx.answers import write_started
from chalicelib.dialects.flowx.reading import (
    Place,
    labels_of,
    read_data,
    read_inherited,
    read_place,
    read_source,
)
from chalicelib.dialects.idempotency import read_idempotency_key, replayed
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.services import Services
from chalicelib.service.apps import Active
from chalicelib.service.births import Made
from chalicelib.service.commands import Command

ANY_STATE = frozenset(RunStatus)
"""No state of a source is excluded: a failed node leaves an instance STARTED, and that is what is replayed."""


def start(services: Services, call: Call) -> Answer:
    place = read_place(call)
    active = services.apps.active(call.account, place.name, place.process, call.key.id)
    return _started(services, call, place, active)


def start_of_build(services: Services, call: Call) -> Answer:
    place, build = read_place(call), BuildId(call.params["build"])
    return _started(services, call, place, services.apps.pinned(call.account, place.name, place.process, build))


def _started(services: Services, call: Call, place: Place, active: Active) -> Answer:
    data, key = read_data(call), read_idempotency_key(call)
    request = StartRequest(call.account, call.cause("flowx", key), data, labels=labels_of(place.name))
    subject = f"{place.name.workspace}/{place.name.app}/{place.process}"
    command = Command(call.account, "flowx", "start", subject, [data, active.build], key)
    made = services.runs.start(command, place.process, active.choice, request)
    return _shown(services, place, active, made)


def copy_data(services: Services, call: Call) -> Answer:
    """Start an instance with another one's values as they are now, and the body laid over them key by key."""
    data = read_data(call)
    return _copied(services, call, data, Inherited(), data)


def inherit(services: Services, call: Call) -> Answer:
    """Start an instance with some of another one's values."""
    body = read_data(call)
    overlay = {name: value for name, value in body.items() if name != "paramsToInherit"}
    return _copied(services, call, overlay, read_inherited(body), body)


def _copied(services: Services, call: Call, overlay: Variables, inherited: Inherited, body: Variables) -> Answer:
    place, source, key = read_place(call), read_source(call), read_idempotency_key(call)
    active = services.apps.active(call.account, place.name, place.process, call.key.id)
    request = RestartRequest(
        source,
        call.cause("flowx", key),
        target=place.process,
        inherited=inherited,
        version=active.choice,
        data=Data.LAST_VARIABLES,
        overlay=overlay,
        is_keeping_business_key=False,
        labels=labels_of(place.name),
        allowed=ANY_STATE,
        within=labels_of(place.name),
    )
    said: list[Json] = [place.name.workspace, place.name.app, place.process, body]
    command = Command(call.account, "flowx", "copy", source, [*said, active.build], key)
    made = services.restarts.restart(command, request)
    return _shown(services, place, active, made)


def _shown(services: Services, place: Place, active: Active, made: Made) -> Answer:
    build = active.build_id(made.run.account, services.definitions.of(made.run))
    return answer(write_started(made.run, place.name, build), headers=replayed(made))
