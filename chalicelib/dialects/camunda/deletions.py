"""Process instances ended where they stand, as a batch: those that are named, and those that a query finds now.

What the engine skips on request (listeners, mappings, sub-processes) a canceled run does not do here.
"""

from collections.abc import Callable

from chalicelib.core.access import Scope
from chalicelib.core.batches import Cancellation
from chalicelib.core.json_values import Json, Variables
from chalicelib.dialects.camunda.batch_answers import BatchDto, write_batch
from chalicelib.dialects.camunda.instance_queries import QUERY, InstanceQuery, read_history_query
from chalicelib.dialects.camunda.operations import Handler
from chalicelib.dialects.camunda.reading import as_bool, as_object, as_text, as_texts, read_object
from chalicelib.dialects.camunda.refusals import EngineRefusal
from chalicelib.dialects.camunda.runtime import QUERY as RUNTIME_QUERY
from chalicelib.dialects.camunda.runtime import read_runtime_query
from chalicelib.dialects.camunda.selections import selected
from chalicelib.dialects.camunda.wire_types import body_of
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services
from chalicelib.service.commands import Command

_SKIPPED = ("skipCustomListeners", "skipSubprocesses", "skipIoMappings")
_RUNTIME, _HISTORIC = "processInstanceQuery", "historicProcessInstanceQuery"


def delete(services: Services, call: Call) -> Answer:
    return _delete(services, call, _RUNTIME, lambda given: read_runtime_query(as_object(given)))


def delete_by_history(services: Services, call: Call) -> Answer:
    return _delete(services, call, _HISTORIC, read_history_query)


def _delete(services: Services, call: Call, field: str, read: Callable[[Json], InstanceQuery]) -> Answer:
    """Write down a batch of deletions; each route leaves aside the query that is the other's, as the engine does."""
    body = _body(call)
    order, ids = _order(body), as_texts(body.get("processInstanceIds")) or []
    for name in (_RUNTIME, _HISTORIC):
        if body.get(name) is not None:
            as_object(body[name])
    key = read_idempotency_key(call)
    command = Command(call.account, "camunda", "delete-async", field, body, key)
    earlier = services.batches.earlier(command)
    if earlier is not None:
        return answer(write_batch(earlier))
    query = None if body.get(field) is None else read(body[field])
    sources = selected(services, call, ids, query, "processInstanceIds")
    cause = call.cause("camunda", key)
    return answer(write_batch(services.batches.create(command, order, sources, cause, services.batch_sizes)))


def _body(call: Call) -> Variables:
    body = read_object(call)
    if body is None:
        raise EngineRefusal(500, "NullPointerException", "NullPointerException")
    return body


def _order(body: Variables) -> Cancellation:
    """Read how instances are ended; what the engine passes over unless it is told otherwise, so do we."""
    for name in _SKIPPED:
        as_bool(body.get(name))
    return Cancellation(as_text(body.get("deleteReason")) or "", as_bool(body.get("failIfNotExists")))


_WISH = body_of(
    "DeleteProcessInstancesDto",
    {
        "processInstanceIds": list[str] | None,
        _RUNTIME: RUNTIME_QUERY | None,
        _HISTORIC: QUERY | None,
        "deleteReason": str | None,
        "failIfNotExists": bool | None,
        **dict.fromkeys(_SKIPPED, bool | None),
    },
)


def _deleting(path: str, handler: Handler, by: str) -> Operation:
    return Operation(
        Route("POST", path, Scope.WRITE, handler, JSON_TYPE),
        f"End process instances as a batch: those that are named, and those that {by} finds",
        answers={200: (BatchDto,)},
        body=_WISH,
        is_idempotent=True,
    )


OPERATIONS = (
    _deleting("/process-instance/delete", delete, "a query of those that go on"),
    _deleting("/process-instance/delete-historic-query-based", delete_by_history, "a historic query"),
)
