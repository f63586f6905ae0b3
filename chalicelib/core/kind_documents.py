"""Read what is special to a type of activity: its action, its retry policy, its time."""

from collections.abc import Callable

from chalicelib.core.definitions import (
    DEFAULT_ATTEMPTS,
    DEFAULT_TIMEOUT_S,
    Action,
    EndEvent,
    ExclusiveGateway,
    ExpressionAction,
    HttpAction,
    Kind,
    LambdaAction,
    NoAction,
    ParallelGateway,
    RetryPolicy,
    ServiceTask,
    StartEvent,
    SubProcess,
    Timer,
    UserTask,
)
from chalicelib.core.document_fields import Fields
from chalicelib.core.expressions import check_expression
from chalicelib.core.ids import TransitionId
from chalicelib.core.json_values import Variables
from chalicelib.core.templates import check_template

MAX_ATTEMPTS = 20
MAX_TIMEOUT_S = 25.0  # a worker's function has 60 s, and needs some to load and to commit
MAX_DELAY_S = 7 * 86400.0

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


def read_nothing(_fields: Fields) -> Kind:
    """Stand in for a type that does not exist; the defect is noted."""
    return UserTask()


def _start_event(fields: Fields) -> StartEvent:
    condition = fields.text("condition", default="")
    if condition:
        fields.checked("condition", lambda value: check_expression(str(value)))
    return StartEvent(condition or None, is_shared=fields.flag("shared"))


def _service_task(fields: Fields) -> ServiceTask:
    return ServiceTask(_action(fields), _retry(fields))


def _timer(fields: Fields) -> Timer:
    if fields.has("after_s") == fields.has("until"):
        fields.note("needs exactly one of 'after_s' and 'until'")
    return Timer(fields.checked("after_s", check_template), fields.checked("until", check_template))


def _exclusive_gateway(fields: Fields) -> ExclusiveGateway:
    default = fields.text("default", default="")
    return ExclusiveGateway(TransitionId(default) if default else None)


KINDS: dict[str, Callable[[Fields], Kind]] = {
    "start_event": _start_event,
    "end_event": lambda _: EndEvent(),
    "user_task": lambda fields: UserTask(fields.listeners("on_create", check_template)),
    "service_task": _service_task,
    "timer": _timer,
    "exclusive_gateway": _exclusive_gateway,
    "parallel_gateway": lambda _: ParallelGateway(),
    "sub_process": lambda _: SubProcess(),
}


# -- service tasks


def _action(fields: Fields) -> Action:
    if not fields.has("action"):
        fields.note("'action' is missing")
        return NoAction()
    own = fields.inner("action")
    action = _ACTIONS.get(own.choice("type", _ACTIONS), _no_action)(own)
    own.done()
    return action


def _retry(fields: Fields) -> RetryPolicy:
    if not fields.has("retry"):
        return RetryPolicy()
    own = fields.inner("retry")
    attempts = own.number("attempts", default=DEFAULT_ATTEMPTS, least=1, most=MAX_ATTEMPTS)
    if attempts != int(attempts):
        own.note("'attempts' must be a whole number")
    policy = RetryPolicy(
        attempts=int(attempts),
        delay_s=own.number("delay_s", default=1.0, least=0, most=MAX_DELAY_S),
        factor=own.number("factor", default=2.0, least=1, most=10),
        max_delay_s=own.number("max_delay_s", default=3600.0, least=0, most=MAX_DELAY_S),
    )
    own.done()
    return policy


def _http(fields: Fields) -> HttpAction:
    _check_filled(fields, "url")
    return HttpAction(
        url=fields.checked("url", check_template),
        method=fields.choice("method", _METHODS, default="POST"),
        headers=_headers(fields),
        body=fields.checked("body", check_template),
        timeout_s=_timeout(fields),
    )


def _check_filled(fields: Fields, name: str) -> None:
    fields.text(name)
    if fields.value(name) == "":
        fields.note(f"'{name}' is empty")


def _headers(fields: Fields) -> Variables:
    headers = fields.mapping("headers", check_template)
    for name, value in headers.items():
        if not isinstance(value, str):
            fields.note(f"header '{name}' must be a text")
    return headers


def _lambda(fields: Fields) -> LambdaAction:
    _check_filled(fields, "function")
    return LambdaAction(
        function=fields.checked("function", check_template),
        payload=fields.checked("payload", check_template),
        timeout_s=_timeout(fields),
    )


def _expression(fields: Fields) -> ExpressionAction:
    if not fields.has("value"):
        fields.note("'value' is missing")
    return ExpressionAction(fields.checked("value", check_template))


def _no_action(_fields: Fields) -> NoAction:
    return NoAction()


def _timeout(fields: Fields) -> float:
    return fields.number("timeout_s", default=DEFAULT_TIMEOUT_S, least=0.1, most=MAX_TIMEOUT_S)


_ACTIONS: dict[str, Callable[[Fields], Action]] = {
    "http": _http,
    "lambda": _lambda,
    "expression": _expression,
    "none": _no_action,
}
