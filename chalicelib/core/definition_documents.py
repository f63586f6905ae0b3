"""Read a definition from its JSON document: whole or not at all, one defect for each thing that is wrong.

The document is `{"name"?, "type"?, "url"?, "required"?, "retention"?, "on_start"?, "on_end"?, "activities": [...],
"transitions": [...]}`; a sub-process holds `activities` and `transitions` of its own. docs/definitions.md has every
field with an example.
"""

import re
from collections import defaultdict
from dataclasses import replace

from chalicelib.core.definition_checks import check_structure
from chalicelib.core.definitions import Activity, Definition, DefinitionType, StartEvent, Transition
from chalicelib.core.document_fields import Defect, Defects, Fields
from chalicelib.core.errors import Invalid
from chalicelib.core.expressions import check_expression
from chalicelib.core.ids import ActivityId, TransitionId
from chalicelib.core.json_values import Json
from chalicelib.core.kind_documents import KINDS, read_nothing
from chalicelib.core.retention import Retention
from chalicelib.core.templates import check_template

MAX_ACTIVITIES = 500
MAX_TRANSITIONS = 1000
MAX_REQUIRED = 100  # variables
MAX_URL = 2048
MAX_DEPTH = 8  # sub-processes in sub-processes
MAX_KEPT_S = 3_153_600_000  # a hundred years

_URL = re.compile(r"https?://[!-~]+")
_TYPES = {type_.value: type_ for type_ in DefinitionType}
_MAPPED = frozenset({"user_task", "service_task", "timer", "sub_process"})


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
        name, url = fields.text("name", default=""), self._url(fields)
        type_ = fields.choice("type", _TYPES, default=DefinitionType.SERVICE.value)
        required = fields.names("required", most=MAX_REQUIRED)
        retention = _read_retention(fields)
        on_start = fields.listeners("on_start", check_template)
        on_end = fields.listeners("on_end", check_template)
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
            starts=self._starts(),
            document=document if isinstance(document, dict) else {},
            name=name,
            url=url,
            required=required,
            on_start=on_start,
            on_end=on_end,
            type=_TYPES.get(type_, DefinitionType.SERVICE),
            retention=retention,
        )

    @staticmethod
    def _url(fields: Fields) -> str:
        url = fields.text("url", default="")
        if url and not (_URL.fullmatch(url) and len(url) <= MAX_URL):
            fields.note(f"'url' must be an absolute http(s) URL of {MAX_URL} characters at most, without blanks")
        return url

    def _starts(self) -> dict[ActivityId | None, ActivityId]:
        """Name each scope's start event; of several, the one without a condition, else the first."""
        starts: dict[ActivityId | None, ActivityId] = {}
        for activity in self.activities.values():
            if isinstance(activity.kind, StartEvent):
                starts.setdefault(activity.parent, activity.id)
                if activity.kind.condition is None:
                    starts[activity.parent] = activity.id
        return starts

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
        type_ = fields.choice("type", KINDS)
        activity = Activity(
            id=id_,
            kind=KINDS.get(type_, read_nothing)(fields),
            parent=parent,
            name=fields.text("name", default=""),
            on_start=fields.listeners("on_start", check_template),
            on_end=fields.listeners("on_end", check_template),
            is_save_point=fields.flag("save_point"),
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


def _read_retention(fields: Fields) -> Retention:
    """Read how long a definition's runs are kept; whatever it does not say is kept for ever."""
    if not fields.has("retention"):
        return Retention()
    inner = fields.inner("retention")
    read = Retention(_kept_s(inner, "completion_s"), _kept_s(inner, "journal_s"))
    inner.done()
    return read


def _kept_s(fields: Fields, name: str) -> float | None:
    return fields.number(name, default=0, least=0, most=MAX_KEPT_S) if fields.has(name) else None


def _name_of(document: Json, what: str) -> str:
    id_ = document.get("id") if isinstance(document, dict) else None
    return id_ if isinstance(id_, str) and id_ else f"({what} without id)"
