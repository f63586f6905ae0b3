"""Variables of instances that go on, over Camunda's routes: show, set, take away (AbstractVariablesResource)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chalicelib.core.access import Scope
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.refusals import RunNotFound
from chalicelib.dialects.camunda.operations import FREE, showing
from chalicelib.dialects.camunda.reading import as_text, read_object
from chalicelib.dialects.camunda.refusals import NULL_VALUE, REST, EngineRefusal, malformed, not_found
from chalicelib.dialects.camunda.runtime import load_live
from chalicelib.dialects.camunda.values import (
    VALUE,
    VALUES,
    VariableValueDto,
    read_variables,
    with_variables,
    without_variables,
    write_value,
    write_variables,
)
from chalicelib.dialects.camunda.wire_types import body_of
from chalicelib.dialects.edge import ANY_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services
from chalicelib.service.runs import RunEnded


def _absent(call: Call) -> EngineRefusal:
    return EngineRefusal(500, NULL_VALUE, f"execution {call.params['id']} doesn't exist: execution is null", 0)


def _variables(services: Services, call: Call) -> Variables:
    return services.runs.variables(load_live(services, call, _absent(call)))


def show_all(services: Services, call: Call) -> Answer:
    return answer(write_variables(_variables(services, call)))


def show(services: Services, call: Call) -> Answer:
    name = call.params["name"]
    value = write_value(_variables(services, call), name)
    if value is None:
        raise not_found(f"process instance variable with name {name} does not exist")
    return answer(value)


def put(services: Services, call: Call) -> Answer:
    name = call.params["name"]
    with _telling(f"Cannot put process instance variable {name}"):
        given = read_variables({name: _body(call)})
        _change(services, call, lambda variables: with_variables(variables, given))
    return Answer(204)


def delete(services: Services, call: Call) -> Answer:
    """Take one variable of an instance away; one that is not there is away already."""
    name = call.params["name"]
    with _telling(f"Cannot delete process instance variable {name}"):
        _change(services, call, lambda variables: without_variables(variables, [name]))
    return Answer(204)


def modify(services: Services, call: Call) -> Answer:
    """Set and take away variables of an instance, all at once; what is set and taken away too is taken away."""
    body = _body(call)
    with _telling(f"Cannot modify variables for process instance {call.params['id']}"):
        given, gone = read_variables(body.get("modifications")), _names(body.get("deletions"))
        _change(services, call, lambda variables: without_variables(with_variables(variables, given), gone))
    return Answer(204)


def _change(services: Services, call: Call, revise: Callable[[Variables], Variables]) -> None:
    run = load_live(services, call, _absent(call))
    try:
        services.runs.change(call.account, run.id, revise)
    except (RunEnded, RunNotFound) as error:
        raise _absent(call) from error


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Say of a refusal what was refused, as each of these routes does."""
    try:
        yield
    except EngineRefusal as error:
        raise EngineRefusal(error.status, REST, f"{what}: {error.message}", error.engine_code) from error


def _body(call: Call) -> Variables:
    body = read_object(call)
    if body is None:
        raise malformed()
    return body


def _names(given: Json) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise malformed()
    return [name for name in map(as_text, given) if name is not None]


_ALL = "/process-instance/{id}/variables"
_ONE = f"{_ALL}/{{name}}"
_NOT_BEGUN = 409
_PATCH = body_of("PatchVariablesDto", {"modifications": VALUES | None, "deletions": list[str] | None})

OPERATIONS = (
    showing(_ALL, show_all, "Show the variables of a process instance", dict[str, VariableValueDto], is_long=True),
    Operation(
        Route("POST", _ALL, Scope.WRITE, modify, ANY_TYPE, FREE),
        "Set and take away variables of a process instance, all at once",
        answers={204: ()},
        body=_PATCH,
        is_body_needed=False,
        refusals=(_NOT_BEGUN,),
    ),
    showing(_ONE, show, "Show a variable of a process instance", VariableValueDto, is_long=True),
    Operation(
        Route("PUT", _ONE, Scope.WRITE, put, ANY_TYPE, FREE),
        "Set a variable of a process instance",
        answers={204: ()},
        body=VALUE,
        is_body_needed=False,
        refusals=(_NOT_BEGUN,),
    ),
    Operation(
        Route("DELETE", _ONE, Scope.WRITE, delete, ANY_TYPE, FREE),
        "Take a variable of a process instance away, if there is one",
        answers={204: ()},
        refusals=(_NOT_BEGUN,),
    ),
)
