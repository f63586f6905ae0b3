"""Batches over Camunda's routes: listed, counted, held, ended, as they run and as history keeps them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.core.access import Scope
from chalicelib.core.batches import Batch
from chalicelib.dialects.camunda.batch_answers import (
    BatchDto,
    BatchStatisticsDto,
    HistoricBatchDto,
    write_batch,
    write_historic_batch,
    write_statistics,
)
from chalicelib.dialects.camunda.operations import FREE, counting, deleting, listing, showing
from chalicelib.dialects.camunda.queries import (
    Filter,
    Row,
    either,
    equal,
    filtered,
    flag,
    list_parameters,
    moment,
    one_of,
    parameters_of,
    shown,
    windowed,
)
from chalicelib.dialects.camunda.reading import Parameters, as_bool, read_object
from chalicelib.dialects.camunda.refusals import BAD_USER_REQUEST, EngineRefusal, invalid, not_found
from chalicelib.dialects.camunda.wire_types import body_of
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services
from chalicelib.service.batches import BatchNotFound

MOST = 10_000  # batches that one list looks through
_PAGE = 200
_ID = {"batchId": "id", "tenantId": "tenantId"}
_SORTED_BY = {**_ID, "startTime": "_at"}
_SORTED_HISTORY = {**_SORTED_BY, "endTime": "endTime"}

_FILTERS: tuple[Filter, ...] = (
    equal("batchId", "id"),
    equal("type", "type"),
    one_of("tenantIdIn", "tenantId"),
    flag("withoutTenantId", lambda row: row["tenantId"] is None),
    equal("createdBy", "createUserId"),
    moment("startedBefore", lambda at, limit: at <= limit, "_at"),
    moment("startedAfter", lambda at, limit: at >= limit, "_at"),
)
_RUNNING = (*_FILTERS, either("suspended", lambda row: row["suspended"]))
_COUNTED = (
    flag("withFailures", lambda row: row["failedJobs"] > 0),
    flag("withoutFailures", lambda row: row["failedJobs"] == 0),
)
_HISTORIC = (*_FILTERS, either("completed", lambda row: row["endTime"] is not None))


def every_batch(services: Services, call: Call) -> Iterator[Batch]:
    """Go through an account's batches, newest first; refuse more than a list can look through."""
    before: str | None = None
    for _ in range(MOST // _PAGE):
        page = services.batches.page(call.account, before=before, limit=_PAGE)
        yield from page.items
        before = page.next
        if before is None:
            return
    raise invalid(f"There are more than {MOST} batches. Delete historic ones first.")


def running(services: Services, call: Call) -> Iterator[Batch]:
    return (batch for batch in every_batch(services, call) if not batch.is_over)


def _rows(batches: Iterator[Batch], write: Callable[[Batch], Mapping[str, Any]]) -> list[Row]:
    return [{**write(batch), "_at": batch.created_at} for batch in batches]


def _runtime(services: Services, call: Call, given: Parameters) -> list[Row]:
    return filtered(_rows(running(services, call), write_batch), given, _RUNNING)


# -- as they run


def listed(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    return answer([shown(row) for row in windowed(_runtime(services, call, given), given, _ID)])


def count(services: Services, call: Call) -> Answer:
    return answer({"count": len(_runtime(services, call, Parameters(call.query)))})


def show(services: Services, call: Call) -> Answer:
    return answer(write_batch(load_running(services, call)))


def load_running(services: Services, call: Call) -> Batch:
    """Answer the batch that a path names, if it has not ended."""
    batch_id = call.params["id"]
    try:
        batch = services.batches.load(call.account, batch_id)
    except BatchNotFound as error:
        raise _not_there(batch_id) from error
    if batch.is_over:
        raise _not_there(batch_id)
    return batch


def _not_there(batch_id: str) -> EngineRefusal:
    return not_found(f"Batch with id '{batch_id}' does not exist")


def statistics(services: Services, call: Call) -> Answer:
    """List batches with the state of their jobs: those alone that the window shows are counted, where that does."""
    given = Parameters(call.query)
    rows = _counted(services, call, given)
    return answer([shown(row) for row in windowed(rows, given, _SORTED_BY)])


def count_statistics(services: Services, call: Call) -> Answer:
    return answer({"count": len(_counted(services, call, Parameters(call.query)))})


def _counted(services: Services, call: Call, given: Parameters) -> list[Row]:
    wanted = {row["id"] for row in _runtime(services, call, given)}
    batches = (batch for batch in running(services, call) if batch.id in wanted)
    rows = _rows(batches, lambda batch: write_statistics(services.batches.statistics(batch)))
    return filtered(rows, given, _COUNTED)


def suspend(services: Services, call: Call) -> Answer:
    """Hold a batch, or let it go on: so too when the body says nothing."""
    body = read_object(call) or {}
    is_suspended = as_bool(body.get("suspended"))
    try:
        services.batches.suspend(call.account, call.params["id"], is_suspended=is_suspended)
    except BatchNotFound as error:
        raise _unable("suspend" if is_suspended else "activate", call) from error
    return Answer(204)


def delete(services: Services, call: Call) -> Answer:
    is_cascading = call.query.get("cascade", ("",))[0].lower() == "true"
    try:
        services.batches.delete(call.account, call.params["id"], is_cascading=is_cascading)
    except BatchNotFound as error:
        raise _unable("delete", call) from error
    return Answer(204)


def _unable(verb: str, call: Call, what: str = "batch") -> EngineRefusal:
    return EngineRefusal(400, BAD_USER_REQUEST, f"Unable to {verb} {what} with id '{call.params['id']}'", 0)


# -- as history keeps them


def _of_history(services: Services, call: Call, given: Parameters) -> list[Row]:
    batches = (batch for batch in every_batch(services, call) if not batch.is_hidden)
    return filtered(_rows(batches, write_historic_batch), given, _HISTORIC)


def list_history(services: Services, call: Call) -> Answer:
    given = Parameters(call.query)
    return answer([shown(row) for row in windowed(_of_history(services, call, given), given, _SORTED_HISTORY)])


def count_history(services: Services, call: Call) -> Answer:
    return answer({"count": len(_of_history(services, call, Parameters(call.query)))})


def show_history(services: Services, call: Call) -> Answer:
    batch_id = call.params["id"]
    absent = not_found(f"Historic batch with id '{batch_id}' does not exist")
    try:
        batch = services.batches.load(call.account, batch_id)
    except BatchNotFound as error:
        raise absent from error
    if batch.is_hidden:
        raise absent
    return answer(write_historic_batch(batch))


def delete_history(services: Services, call: Call) -> Answer:
    try:
        services.batches.hide(call.account, call.params["id"])
    except BatchNotFound as error:
        raise _unable("delete", call, "historic batch") from error
    return Answer(204)


_ONE, _OF_HISTORY = "/batch/{id}", "/history/batch/{id}"
OPERATIONS = (
    listing("/batch", listed, "List batches that have not ended", list[BatchDto], list_parameters(_RUNNING, _ID)),
    counting("/batch/count", count, "Count batches that have not ended", parameters_of(_RUNNING)),
    listing(
        "/batch/statistics",
        statistics,
        "List batches that have not ended, with the state of their jobs",
        list[BatchStatisticsDto],
        list_parameters((*_RUNNING, *_COUNTED), _SORTED_BY),
    ),
    counting(
        "/batch/statistics/count",
        count_statistics,
        "Count batches that have not ended, by the state of their jobs",
        parameters_of((*_RUNNING, *_COUNTED)),
    ),
    showing(_ONE, show, "Show a batch that has not ended", BatchDto),
    Operation(
        Route("PUT", f"{_ONE}/suspended", Scope.RESTART, suspend, ANY_TYPE, FREE),
        "Suspend or activate a batch",
        answers={204: ()},
        body=body_of("BatchSuspensionStateDto", {"suspended": bool | None}),
        is_body_needed=False,
    ),
    deleting(
        _ONE,
        delete,
        "End a batch as it stands, and with `cascade` take its history away too",
        Scope.RESTART,
        {"cascade": bool},
    ),
    listing(
        "/history/batch",
        list_history,
        "List batches, those that have ended among them",
        list[HistoricBatchDto],
        list_parameters(_HISTORIC, _SORTED_HISTORY),
    ),
    counting(
        "/history/batch/count",
        count_history,
        "Count batches, those that have ended among them",
        parameters_of(_HISTORIC),
    ),
    showing(_OF_HISTORY, show_history, "Show a batch, ended or not", HistoricBatchDto),
    deleting(_OF_HISTORY, delete_history, "Take a batch out of history; one that runs goes on", Scope.RESTART),
)
