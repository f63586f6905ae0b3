"""Read a definition from its JSON document: whole or not at all, one defect for each thing that is wrong.

The document is `{"name"?, "activities": [...], "transitions": [...]}`; a sub-process holds `activities`
and `transitions` of its own. docs/definitions.md has every field with an example.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from chalicelib.core.definition_checks import check_structure
from chalicelib.core.definitions import (
    DEFAULT_ATTEMPTS,
    DEFAULT_TIMEOUT_S,
    Action,
    Activity,
    Definition,
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
    Transition,
    UserTask,
)
from chalicelib.core.document_fields import Defect, Defects, Fields
from chalicelib.core.errors import Invalid
from chalicelib.core.expressions import check_expression
from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.json_values import Json, Variables
from chalicelib.core.templates import check_template

MAX_ACTIVITIES = 500
MAX_TRANSITIONS = 1000
MAX_DEPTH = 8  # sub-processes in sub-processes
MAX_ATTEMPTS = 20
MAX_TIMEOUT_S = 25.0  # a worker's function has 60 s, and needs some to load and to commit
MAX_DELAY_S = 7 * 86400.0

_TYPES = (
    "start_event",
    "end_event",
    "user_task",
    "service_task",
    "timer",
    "exclusive_gateway",
    "parallel_gateway",
    "sub_process",
)
_MAPPED = frozenset({"user_task", "service_task", "timer", "sub_process"})
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


class DefinitionInvalid(Invalid):
    """The document is not a definition: every defect, each with its element."""

    code = "definition_invalid"

    def __init__(self, defects: list[Defect]) -> None:
        self.defects = tuple(defects)
        told: list[Json] = [{"element": defect.element, "problem": defect.problem} for defect in defects]
        super().__init__(f"The definition has {len(told)} defect(s).", defects=told)


def read_definition(document: Json) -> Definition:
    """Read and check a whole definition; raise `DefinitionInvalid` with every defect found."""
    reader = _Reader()
    definition = reader.read(document)
    if not reader.defects.found:
        check_structure(definition, reader.defects)
    if reader.defects.found:
        raise DefinitionInvalid(reader.defects.found)
    return definition


class _Reader:
    def __init__(self) -> None:
        self.defects = Defects()
        self.activities: dict[ActivityId, Activity] = {}
        self.transitions: dict[TransitionId, Transition] = {}

    def read(self, document: Json) -> Definition:
        fields = Fields(document, "definition", self.defects)
        name = fields.text("name", default="")
        self._graph(fields, parent=None, depth=0)
        fields.done()
        self._count()
        outgoing: dict[ActivityId, list[Transition]] = defaultdict(list)
        incoming: dict[ActivityId, list[Transition]] = defaultdict(list)
        for transition in self.transitions.values():
            outgoing[transition.source].append(transition)
            incoming[transition.target].append(transition)
        return Definition(
            activities=self.activities,
            transitions=self.transitions,
            outgoing={id_: tuple(outgoing[id_]) for id_ in self.activities},
            incoming={id_: tuple(incoming[id_]) for id_ in self.activities},
            starts={a.parent: a.id for a in self.activities.values() if isinstance(a.kind, StartEvent)},
            document=document if isinstance(document, dict) else {},
            name=name,
        )

    def _count(self) -> None:
        if len(self.activities) > MAX_ACTIVITIES:
            self.defects.note("definition", f"has {len(self.activities)} activities; {MAX_ACTIVITIES} is the most")
        if len(self.transitions) > MAX_TRANSITIONS:
            self.defects.note("definition", f"has {len(self.transitions)} transitions; {MAX_TRANSITIONS} is the most")

    def _graph(self, fields: Fields, *, parent: ActivityId | None, depth: int) -> None:
        activities = fields.objects("activities", most=MAX_ACTIVITIES)
        transitions = fields.objects("transitions", most=MAX_TRANSITIONS)
        if depth > MAX_DEPTH:
            fields.note(f"stands more than {MAX_DEPTH} sub-processes deep")
            return
        for document in activities:
            self._activity(document, parent, depth)
        for document in transitions:
            self._transition(document)

    def _check_unique(self, fields: Fields, id_: str) -> None:
        if id_ and (ActivityId(id_) in self.activities or TransitionId(id_) in self.transitions):
            fields.note("has an id that another element has too")

    def _activity(self, document: Json, parent: ActivityId | None, depth: int) -> None:
        fields = Fields(document, _name_of(document, "activity"), self.defects)
        id_ = ActivityId(fields.id("id"))
        self._check_unique(fields, id_)
        type_ = fields.choice("type", _TYPES)
        activity = Activity(
            id=id_,
            kind=self._kind(type_, fields),
            parent=parent,
            name=fields.text("name", default=""),
            on_start=fields.listeners("on_start", check_template),
            on_end=fields.listeners("on_end", check_template),
        )
        if type_ in _MAPPED:
            activity = replace(
                activity,
                input=fields.mapping("input", check_template),
                output=fields.mapping("output", check_template),
            )
        self.activities.setdefault(id_, activity)
        if type_ == "sub_process":
            self._graph(fields, parent=id_, depth=depth + 1)
        fields.done()

    def _kind(self, type_: str, fields: Fields) -> Kind:
        match type_:
            case "start_event":
                return StartEvent()
            case "end_event":
                return EndEvent()
            case "service_task":
                return ServiceTask(self._action(fields), self._retry(fields))
            case "timer":
                return _timer(fields)
            case "exclusive_gateway":
                default = fields.text("default", default="")
                return ExclusiveGateway(TransitionId(default) if default else None)
            case "parallel_gateway":
                return ParallelGateway()
            case "sub_process":
                return SubProcess()
            case _:
                return UserTask()

    def _action(self, fields: Fields) -> Action:
        if not fields.has("action"):
            fields.note("'action' is missing")
            return NoAction()
        own = Fields(fields.value("action"), fields.element, self.defects)
        action = _ACTIONS.get(own.choice("type", _ACTIONS), _no_action)(own)
        own.done()
        return action

    def _retry(self, fields: Fields) -> RetryPolicy:
        if not fields.has("retry"):
            return RetryPolicy()
        own = Fields(fields.value("retry"), fields.element, self.defects)
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

    def _transition(self, document: Json) -> None:
        fields = Fields(document, _name_of(document, "transition"), self.defects)
        id_ = TransitionId(fields.id("id"))
        self._check_unique(fields, id_)
        condition = fields.text("condition", default="")
        if condition:
            fields.checked("condition", lambda value: check_expression(str(value)))
        transition = Transition(
            id=id_,
            source=ActivityId(fields.text("from")),
            target=ActivityId(fields.text("to")),
            condition=condition or None,
            on_take=fields.listeners("on_take", check_template),
        )
        self.transitions.setdefault(id_, transition)
        fields.done()


def _name_of(document: Json, what: str) -> str:
    id_ = document.get("id") if isinstance(document, dict) else None
    return id_ if isinstance(id_, str) and id_ else f"({what} without id)"


def _timer(fields: Fields) -> Timer:
    if fields.has("after_s") == fields.has("until"):
        fields.note("needs exactly one of 'after_s' and 'until'")
    return Timer(fields.checked("after_s", check_template), fields.checked("until", check_template))


def _http(fields: Fields) -> HttpAction:
    fields.text("url")
    return HttpAction(
        url=fields.checked("url", check_template),
        method=fields.choice("method", _METHODS, default="POST"),
        headers=_headers(fields),
        body=fields.checked("body", check_template),
        timeout_s=_timeout(fields),
    )


def _headers(fields: Fields) -> Variables:
    headers = fields.mapping("headers", check_template)
    for name, value in headers.items():
        if not isinstance(value, str):
            fields.note(f"header '{name}' must be a text")
    return headers


def _lambda(fields: Fields) -> LambdaAction:
    fields.text("function")
    return LambdaAction(
        function=fields.checked("function", check_template),
        payload=fields.checked("payload", check_template),
        timeout_s=_timeout(fields),
    )


def _expression(fields: Fields) -> ExpressionAction:
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
