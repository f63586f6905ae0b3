"""Invoke a handler: wait for its result, or only for its being accepted (its handler/service_handler.rs)."""

from chalicelib.core.definitions import DefinitionType
from chalicelib.core.ids import RunId
from chalicelib.core.lines import WorkflowRunExists
from chalicelib.core.overrides import Overrides
from chalicelib.core.refusals import StartUnknown, VariablesMissing
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.versions import Version
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.idempotency import read_idempotency_key
from chalicelib.dialects.restate.ingress.answers import write_end, write_sent
from chalicelib.dialects.restate.ingress.delays import read_delay
from chalicelib.dialects.restate.ingress.inputs import read_input
from chalicelib.dialects.restate.ingress.refusals import (
    DelayUnsupported,
    HandlerUnknown,
    IdempotencyKeyUnsupported,
    InputInvalid,
)
from chalicelib.dialects.restate.ingress.targets import Target, read_target, read_verb_target, service_of
from chalicelib.dialects.services import Services
from chalicelib.service.births import Made


def invoke(services: Services, call: Call) -> Answer:
    """Call a handler, or with `/send` behind it, send to it."""
    service = service_of(services, call)
    target, is_send = read_target(service, call, "target", "handler", "mode")
    return _sent(services, call, service, target) if is_send else _called(services, call, service, target)


def call_handler(services: Services, call: Call) -> Answer:
    service = service_of(services, call)
    return _called(services, call, service, read_verb_target(service, call, "target", "handler"))


def send_handler(services: Services, call: Call) -> Answer:
    service = service_of(services, call)
    return _sent(services, call, service, read_verb_target(service, call, "target", "handler"))


def _called(services: Services, call: Call, service: Version, target: Target) -> Answer:
    if read_delay(call.query) is not None:
        raise DelayUnsupported
    made = _made(services, call, service, target, delay_s=0.0)
    if made.is_repeat:
        return write_end(services.attendance.wait(made.run))
    return write_end(services.attendance.see_through(made.run))


def _sent(services: Services, call: Call, service: Version, target: Target) -> Answer:
    """Accept an invocation; a workflow's second one is the first."""
    try:
        made = _made(services, call, service, target, delay_s=read_delay(call.query) or 0.0)
    except WorkflowRunExists as error:
        first = services.runs.load(call.account, RunId(str(error.details["run_id"])))
        made = Made(first, is_repeat=True)
    return write_sent(made)


def _made(services: Services, call: Call, service: Version, target: Target, *, delay_s: float) -> Made:
    key = read_idempotency_key(call)
    if key is not None and service.definition.type is DefinitionType.WORKFLOW:
        raise IdempotencyKeyUnsupported
    request = StartRequest(
        account=call.account,
        cause=call.cause("restate", key),
        input=read_input(call),
        business_key=target.key,
        overrides=Overrides(delay_s=delay_s),
        start=target.handler,
    )
    try:
        return services.runs.start_on(target.command(call, key), service, request)
    except StartUnknown as error:
        raise HandlerUnknown(target.service, target.handler) from error
    except VariablesMissing as error:
        raise InputInvalid(error.message) from error
