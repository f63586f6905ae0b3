"""Which process instances a command means: those that it names, and those that its query finds now."""

from collections.abc import Iterator, Sequence

from chalicelib.core.batches import MAX_SOURCES
from chalicelib.core.ids import RunId
from chalicelib.dialects.camunda.instance_queries import InstanceQuery, matching_ids
from chalicelib.dialects.camunda.refusals import invalid
from chalicelib.dialects.edge import Call
from chalicelib.dialects.services import Services


def selected(
    services: Services, call: Call, ids: Sequence[str | None], query: InstanceQuery | None, name: str
) -> list[RunId]:
    """Answer each instance once; raise a refusal of none, or of null among them, in which the ids have this name."""
    found = dict.fromkeys(ids)
    if query is not None:
        found.update(dict.fromkeys(_found(services, call, query)))
    if not found:
        raise invalid("processInstanceIds is empty")
    if None in found:
        raise invalid(f"{name} contains null value")
    return [RunId(one) for one in found if one is not None]


def _found(services: Services, call: Call, query: InstanceQuery) -> Iterator[str]:
    for number, run_id in enumerate(matching_ids(services, call.account, query)):
        if number == MAX_SOURCES:
            raise invalid(f"Max results limit of {MAX_SOURCES} exceeded!")
        yield run_id
