"""Attach to an invocation, or take its output if it is there (restate-server's handler/invocation.rs, workflow.rs)."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.runs import Run
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.restate.ids import IdInvalid, read_run_id
from chalicelib.dialects.restate.ingress.answers import write_end
from chalicelib.dialects.restate.ingress.refusals import InvocationIdInvalid
from chalicelib.dialects.restate.ingress.targets import read_keyed_target
from chalicelib.dialects.services import Services

Find = Callable[[Services, Call], RunId]
"""Answer which run a path means, whether there is one or not."""


@dataclass(frozen=True, slots=True)
class Attach:
    """Wait for an invocation's end, as long as a request may take."""

    find: Find

    def __call__(self, services: Services, call: Call) -> Answer:
        return write_end(services.attendance.wait(_found(services, call, self.find)))


@dataclass(frozen=True, slots=True)
class Output:
    """Answer at once."""

    find: Find

    def __call__(self, services: Services, call: Call) -> Answer:
        return write_end(_found(services, call, self.find))


def _found(services: Services, call: Call, find: Find) -> Run:
    return services.runs.load(call.account, find(services, call))


def by_id(_services: Services, call: Call) -> RunId:
    (given,) = call.params.values()
    return read_invocation_id(given)


def read_invocation_id(given: str) -> RunId:
    try:
        return read_run_id(given)
    except IdInvalid as error:
        raise InvocationIdInvalid(given, error.reason) from error


def by_service_key(services: Services, call: Call) -> RunId:
    """Follow the idempotency key of a call of a service's handler."""
    command = read_keyed_target(call, "target").command(call, call.params["handler"])
    return command.run_id(services.new_id)


def by_object_key(services: Services, call: Call) -> RunId:
    """Follow the idempotency key of a call of an object's handler."""
    command = read_keyed_target(call, "target", "handler").command(call, call.params["key"])
    return command.run_id(services.new_id)


def by_workflow(services: Services, call: Call) -> RunId:
    return services.runs.only(call.account, DefinitionKey(call.params["name"]), call.params["key"])
