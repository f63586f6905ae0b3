"""Restarts: of some process instances at once, or of any number as a batch.

Sources are named, or found by a historic query that is asked once, now; both are united. What is not as it should
be with one of them is said at once when they are restarted together, and by its job when they are a batch.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.access import Scope
from chalicelib.core.batches import Batch, Order
from chalicelib.core.deployments import SeenVersion
from chalicelib.core.errors import Conflict, Invalid, NotFound
from chalicelib.core.ids import ActivityId, RunId, TransitionId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.restart_requests import Data
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place, Start
from chalicelib.core.versions import NamedVersion
from chalicelib.dialects.camunda.batch_answers import BatchDto, write_batch
from chalicelib.dialects.camunda.instance_queries import QUERY, InstanceQuery, read_query
from chalicelib.dialects.camunda.lookups import find_by_id, id_of, load_by_key
from chalicelib.dialects.camunda.operations import FREE, Handler
from chalicelib.dialects.camunda.reading import as_bool, as_list, as_object, as_text, as_texts, read_object
from chalicelib.dialects.camunda.refusals import invalid, malformed
from chalicelib.dialects.camunda.restart_refusals import told_restart
from chalicelib.dialects.camunda.selections import selected
from chalicelib.dialects.camunda.wire_types import Objects, body_of, one_of_words, several
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services
from chalicelib.service.commands import Command

_ELEMENT = {
    "startBeforeActivity": "activityId",
    "startAfterActivity": "activityId",
    "startTransition": "transitionId",
}
_FLAGS = ("initialVariables", "skipCustomListeners", "skipIoMappings", "withoutBusinessKey")
_IGNORED_TEXTS = ("ancestorActivityInstanceId", "activityInstanceId", "transitionInstanceId")
Load = Callable[[], SeenVersion]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a body asks for."""

    body: Variables
    ids: tuple[str | None, ...]
    query: InstanceQuery | None
    places: tuple[Place, ...]
    is_initial: bool
    is_skipping_listeners: bool
    is_skipping_mappings: bool
    is_without_business_key: bool

    def order(self, version: SeenVersion, services: Services, call: Call) -> Order:
        snapshot = services.definitions.find(call.account, version.definition, NamedVersion(version.number)).snapshot
        return Order(
            definition=version.definition,
            version=version.number,
            snapshot=snapshot,
            start=Start(self.places, self.is_skipping_listeners, self.is_skipping_mappings),
            data=Data.INPUT if self.is_initial else Data.LAST_VARIABLES,
            is_keeping_business_key=not self.is_without_business_key,
        )


def read_wish(call: Call) -> Wish:
    """Read what is to be restarted and how; raise Camunda's refusals in its order."""
    body = read_object(call)
    if body is None:
        raise malformed()
    flags = [as_bool(body.get(name)) for name in _FLAGS]
    ids = as_texts(body.get("processInstanceIds"))
    told = body.get("historicProcessInstanceQuery")
    given = body.get("instructions")
    instructions = None if given is None else [_instruction(one) for one in as_list(given)]
    query = None if told is None else read_query(told)
    if instructions is None:
        raise invalid("Restart instructions cannot be empty: instructions is empty")
    places = tuple(place for one in instructions if (place := _place(one)) is not None)
    return Wish(body, tuple(ids or ()), query, places, *flags)


def _instruction(value: Json) -> Variables:
    """Check the shape of an instruction; what a restart has no use for is read and left aside."""
    if value is None:
        raise malformed()
    given = as_object(value)
    for name in (*_IGNORED_TEXTS, "activityId", "transitionId", "type"):
        as_text(given.get(name))
    if given.get("variables") is not None:
        as_object(given["variables"])
    return given


def _place(given: Variables) -> Place | None:
    kind = given.get("type")
    if kind == "cancel":
        return None
    if not isinstance(kind, str) or kind not in _ELEMENT:
        raise malformed()
    element = as_text(given.get(_ELEMENT[kind]))
    if element is None:
        raise invalid(f"For instruction type '{kind}': '{_ELEMENT[kind]}' must be set")
    if kind == "startTransition":
        return AlongTransition(TransitionId(element))
    return BeforeActivity(ActivityId(element)) if kind == "startBeforeActivity" else AfterActivity(ActivityId(element))


# -- together


def restart(services: Services, call: Call) -> Answer:
    return _restart(services, call, lambda: _of_id(services, call))


def restart_by_key(services: Services, call: Call) -> Answer:
    return _restart(services, call, lambda: load_by_key(services, call))


def _restart(services: Services, call: Call, load: Load) -> Answer:
    """Restart all sources in one transaction, or none."""
    wish = read_wish(call)
    if not wish.places:
        raise invalid("Restart instructions cannot be empty: instructions is empty")
    sources = _sources(services, call, wish, "Process instance ids")
    version = _active(load(), call)
    order = wish.order(version, services, call)
    command = _command(call, "restart", wish)
    cause = call.cause("camunda", command.key)
    try:
        services.together.restart(command, order, sources, cause)
    except (Conflict, Invalid, NotFound) as error:
        raise told_restart(call.account, order, error.code, error.details, error) from error
    return Answer(204)


# -- as a batch


def restart_async(services: Services, call: Call) -> Answer:
    return _restart_async(services, call, lambda: _of_id(services, call))


def restart_async_by_key(services: Services, call: Call) -> Answer:
    return _restart_async(services, call, lambda: load_by_key(services, call))


def _restart_async(services: Services, call: Call, load: Load) -> Answer:
    """Write down a batch of restarts; nothing is said of its sources before their jobs look at them."""
    wish = read_wish(call)
    command = _command(call, "restart-async", wish)
    earlier = services.batches.earlier(command)
    if earlier is not None:
        return answer(write_batch(earlier))
    sources = _sources(services, call, wish, "processInstanceIds")
    if not wish.places:
        raise invalid("Restart instructions cannot be empty: instructions is empty")
    order = wish.order(_active(load(), call), services, call)
    cause = call.cause("camunda", command.key)
    batch: Batch = services.batches.create(command, order, sources, cause, services.batch_sizes)
    return answer(write_batch(batch))


# -- what both share


def _command(call: Call, route: str, wish: Wish) -> Command:
    subject = call.params.get("id") or f"{call.params['key']}#{call.params.get('tenant', '')}"
    return Command(call.account, "camunda", route, subject, wish.body, read_idempotency_key(call))


def _sources(services: Services, call: Call, wish: Wish, ids: str) -> list[RunId]:
    """Answer the ids that are named and those that the query finds; `ids` is what the engine calls them."""
    return selected(services, call, wish.ids, wish.query, f"Process instance ids cannot be null: {ids}")


def _of_id(services: Services, call: Call) -> SeenVersion:
    definition_id = call.params["id"]
    version = find_by_id(services, call.account, definition_id)
    if version is None:
        raise invalid(f"no deployed process definition found with id '{definition_id}': processDefinition is null")
    return version


def _active(version: SeenVersion, call: Call) -> SeenVersion:
    if version.is_suspended:
        raise invalid(f"ENGINE-03043 Process Definition with id '{id_of(call.account, version)}' is suspended.")
    return version


_INSTRUCTION = body_of(
    "RestartProcessInstanceInstructionDto",
    {
        "type": one_of_words((*_ELEMENT, "cancel")),
        **dict.fromkeys((*dict.fromkeys(_ELEMENT.values()), *_IGNORED_TEXTS), str | None),
        "variables": Objects | None,
    },
    needed=("type",),
)
_RESTART = body_of(
    "RestartProcessInstanceDto",
    {
        "processInstanceIds": list[str] | None,
        "historicProcessInstanceQuery": QUERY | None,
        "instructions": several(_INSTRUCTION),
        **dict.fromkeys(_FLAGS, bool | None),
    },
    needed=("instructions",),
)
_BY_ID = "/process-definition/{id}"
_BY_KEY = "/process-definition/key/{key}"
_BY_TENANT = f"{_BY_KEY}/tenant-id/{{tenant}}"


def _together(path: str, handler: Handler, of: str) -> Operation:
    return Operation(
        Route("POST", f"{path}/restart", Scope.RESTART, handler, JSON_TYPE, FREE),
        f"Restart process instances of {of} at once, all of them or none",
        answers={204: ()},
        body=_RESTART,
        is_idempotent=True,
    )


def _as_a_batch(path: str, handler: Handler, of: str) -> Operation:
    return Operation(
        Route("POST", f"{path}/restart-async", Scope.RESTART, handler, JSON_TYPE, FREE),
        f"Restart process instances of {of} as a batch",
        answers={200: (BatchDto,)},
        body=_RESTART,
        is_idempotent=True,
    )


_OF_ID, _OF_KEY, _OF_TENANT = (
    "a process definition",
    "the newest version of a key",
    "the newest version of a tenant's key",
)
OPERATIONS = (
    _together(_BY_ID, restart, _OF_ID),
    _as_a_batch(_BY_ID, restart_async, _OF_ID),
    _together(_BY_KEY, restart_by_key, _OF_KEY),
    _together(_BY_TENANT, restart_by_key, _OF_TENANT),
    _as_a_batch(_BY_KEY, restart_async_by_key, _OF_KEY),
    _as_a_batch(_BY_TENANT, restart_async_by_key, _OF_TENANT),
)
