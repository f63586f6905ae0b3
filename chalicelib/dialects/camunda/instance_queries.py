"""The historic process instance query: which runs are meant, read from JSON or from GET parameters.

What a query needs is read in steps, from cheap to dear, and each step only of what passed the one before:

    index (definition, time) ─► summaries ─► definitions' names ─► heads, by the hundred ─► journals, one by one

Without a sort order, runs come newest first. Any order but that of their start has all matches in memory, so that it
is refused beyond `MAX_SORTED`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.ids import AccountId, DefinitionKey, RunId
from chalicelib.core.json_values import Json
from chalicelib.core.run_summaries import RunFilter, RunSummary, summary_of
from chalicelib.core.runs import Run
from chalicelib.dialects.camunda.ids import definition_key, name_of, split_definition_id, write_definition_id
from chalicelib.dialects.camunda.instance_filters import (
    FILTERS,
    NEVER,
    REFUSED,
    STATE_FLAGS,
    Condition,
    Filter,
    Needs,
    last_variables,
)
from chalicelib.dialects.camunda.lookups import find_definition_name, is_name
from chalicelib.dialects.camunda.queries import nulls_first
from chalicelib.dialects.camunda.query_fields import (
    Fields,
    JsonFields,
    Kind,
    UrlFields,
    fields_of,
    parameters_of,
    read_fields,
)
from chalicelib.dialects.camunda.query_sorting import Order, read_order, sorting_fields
from chalicelib.dialects.camunda.reading import as_list, as_object
from chalicelib.dialects.camunda.refusals import BAD_USER_REQUEST, NULL_VALUE, EngineRefusal, engine, invalid
from chalicelib.dialects.camunda.run_records import PAGE, Records, Subject
from chalicelib.dialects.camunda.variable_filters import COMPARISON, Comparison, Folding, read_comparison
from chalicelib.dialects.camunda.wire_types import Compared, body_of, several, sorting
from chalicelib.dialects.services import Services

MAX_SORTED = 10_000
FOLDING: Mapping[str, Kind] = {"variableNamesIgnoreCase": Kind.FLAG, "variableValuesIgnoreCase": Kind.FLAG}
_KINDS = {name: one.kind for name, one in FILTERS.items()}

Columns = Mapping[str, Callable[[Subject], Any]]
SORTED_BY: Columns = {
    "instanceId": lambda one: one.run.id,
    "definitionId": lambda one: write_definition_id(one.records.account, one.run.definition, one.run.version),
    "definitionKey": lambda one: name_of(one.run.definition, 0).key,
    "definitionName": lambda one: one.records.name(one.run),
    "definitionVersion": lambda one: one.run.version or 0,
    "businessKey": lambda one: one.run.business_key,
    "startTime": lambda one: one.run.created_at,
    "endTime": lambda one: one.run.ended_at,
    "duration": lambda one: None if one.run.ended_at is None else one.run.ended_at - one.run.created_at,
    "tenantId": lambda one: name_of(one.run.definition, 0).tenant,
}


@dataclass(frozen=True, slots=True)
class InstanceQuery:
    """Which runs are meant: `asked` holds the filters that act, `conditions` says the same of one run."""

    asked: Mapping[str, Any]
    conditions: tuple[Condition, ...]
    order: tuple[Order, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Say whether no run can ever be meant."""
        id_ = self.asked.get("processDefinitionId")
        return not NEVER.isdisjoint(self.asked) or (id_ is not None and split_definition_id(id_) is None)

    @property
    def ids(self) -> frozenset[str] | None:
        """Name the only runs that can be meant; None: any."""
        one, many = self.asked.get("processInstanceId"), self.asked.get("processInstanceIds")
        if one is None:
            return None if many is None else frozenset(many)
        return frozenset({one}) if many is None or one in many else frozenset()

    def holds(self, one: Subject, *needs: Needs) -> bool:
        """Say whether a run is meant, as far as what has been read of it tells."""
        return all(condition.holds(one) for condition in self.conditions if condition.needs in needs)

    def has(self, *needs: Needs) -> bool:
        return any(condition.needs in needs for condition in self.conditions)


# -- reading


def read_query(value: Json) -> InstanceQuery:
    """Read the query within a restart: refusals are the REST layer's own, and dates in `variables` stay texts."""
    try:
        return _read(JsonFields(as_object(value)), is_reading_dates=False)
    except EngineRefusal as refusal:
        if refusal.status == 400:  # noqa: PLR2004 - a bad request, which the REST layer words anew
            raise invalid(refusal.message) from refusal
        raise


def read_history_query(value: Json) -> InstanceQuery:
    """Read the body of a historic query."""
    return _read(JsonFields(as_object(value)), is_reading_dates=True)


def read_url_query(given: UrlFields) -> InstanceQuery:
    """Read the GET parameters of a historic query."""
    return _read(given, is_reading_dates=True)


def _read(given: Fields, *, is_reading_dates: bool) -> InstanceQuery:
    listed = given.value("orQueries") if isinstance(given, JsonFields) else None
    others = [] if listed is None else [JsonFields(as_object(one)) for one in as_list(listed)]
    order = read_order(given, frozenset(SORTED_BY))
    asked = _asked(given)
    alternatives = [_alternative(one, is_reading_dates=is_reading_dates) for one in others]
    _check(given, asked)
    comparisons = _comparisons(given, is_reading_dates=is_reading_dates)
    _check_states(asked)
    order.check()
    conditions = [*_conditions(asked), *comparisons, *(one for one in alternatives if one is not None)]
    return InstanceQuery(asked, tuple(sorted(conditions, key=lambda one: one.needs)), order.orders)


def _asked(given: Fields) -> dict[str, Any]:
    asked = read_fields(given, _KINDS)
    for name in read_fields(given, REFUSED):
        raise invalid(f"The filter '{name}' is not supported: it asks for what is not recorded here.")
    return asked


def _check(given: Fields, asked: Mapping[str, Any]) -> None:
    if given.texts("processInstanceIds") == []:
        raise engine("Set of process instance ids is empty", NULL_VALUE)
    if "rootProcessInstances" not in asked:
        return
    for name in ("superProcessInstanceId", "superCaseInstanceId"):
        if name in asked:
            message = f"Invalid query usage: cannot set both rootProcessInstances and {name}"
            raise engine(message, BAD_USER_REQUEST, 400)


def _check_states(asked: Mapping[str, Any]) -> None:
    states = [state for name, state in STATE_FLAGS.items() if name in asked]
    if len(states) > 1:
        message = f"Already querying for historic process instance with another state: {states[0]} is not empty"
        raise engine(message, BAD_USER_REQUEST, 400)


def _conditions(asked: Mapping[str, Any]) -> list[Condition]:
    return [_condition(FILTERS[name], wanted) for name, wanted in asked.items()]


def _condition(one: Filter, wanted: Any) -> Condition:
    return Condition(one.needs, lambda subject: one.holds(wanted, subject))


def _comparisons(given: Fields, *, is_reading_dates: bool) -> list[Condition]:
    names, values = given.flag("variableNamesIgnoreCase"), given.flag("variableValuesIgnoreCase")
    folding = Folding(names or False, values or False)
    read = [read_comparison(one, folding, is_reading_dates=is_reading_dates) for one in given.comparisons("variables")]
    return [_comparing(comparison) for comparison in read]


def _comparing(comparison: Comparison) -> Condition:
    return Condition(Needs.HEAD, lambda one: comparison.holds(last_variables(one.head)))


def _alternative(given: JsonFields, *, is_reading_dates: bool) -> Condition | None:
    """Read an or-query: one of its filters must hold. One without filters asks for nothing."""
    if given.value("orQueries") is not None:
        raise engine("Invalid query usage: cannot set or() within 'or' query", BAD_USER_REQUEST, 400)
    read_order(given, frozenset(SORTED_BY))
    asked = _asked(given)
    _check(given, asked)
    options = [*_conditions(asked), *_comparisons(given, is_reading_dates=is_reading_dates)]
    if not options:
        return None
    options.sort(key=lambda one: one.needs)
    return Condition(options[-1].needs, lambda one: any(option.holds(one) for option in options))


# -- answering


def matching(services: Services, account: AccountId, query: InstanceQuery) -> Iterator[RunSummary]:
    """Find the runs that a query means, in its order; raise a refusal if that needs more than one answer can."""
    records = Records(services, account)
    if _is_by_start(query):
        yield from _found(records, query, is_ascending=query.order[:1] == (Order("startTime", is_ascending=True),))
        return
    found: list[Subject] = []
    for run in _found(records, query, is_ascending=False):
        if len(found) == MAX_SORTED:
            raise invalid(f"More than {MAX_SORTED} instances match: restrict the query, or sort by startTime alone.")
        found.append(Subject(run, records))
    for order in reversed(query.order):
        column = SORTED_BY[order.by]
        found.sort(key=lambda one: nulls_first(column(one)), reverse=not order.is_ascending)
    yield from (_summary(one.run) for one in found)


def _is_by_start(query: InstanceQuery) -> bool:
    """Say whether the indexes give a query's order by themselves."""
    return not query.order or (query.ids is None and [one.by for one in query.order] == ["startTime"])


def matching_ids(services: Services, account: AccountId, query: InstanceQuery) -> Iterator[RunId]:
    """Name the runs that a query means, in no order, whether or not they have ended."""
    yield from (run.id for run in _found(Records(services, account), query, is_ascending=False))


def count(services: Services, account: AccountId, query: InstanceQuery) -> int:
    return sum(1 for _ in matching_ids(services, account, query))


def _found(records: Records, query: InstanceQuery, *, is_ascending: bool) -> Iterator[RunSummary]:
    if query.is_empty:
        return
    if query.ids is None:
        pages = _listed(records, query, is_ascending=is_ascending)
    else:
        pages = _named(records, query, sorted(query.ids))
    for subjects in pages:
        for subject in _with_heads(records, query, subjects):
            if query.holds(subject, Needs.HEAD) and query.holds(subject, Needs.JOURNAL):
                yield _summary(subject.run)


def _listed(records: Records, query: InstanceQuery, *, is_ascending: bool) -> Iterator[list[Subject]]:
    """Read the index page by page, and answer what passes by what lists and definitions tell."""
    wanted = RunFilter(
        definition=_only_definition(records, query),
        created_from=query.asked.get("startedAfter"),
        created_to=query.asked.get("startedBefore"),
        also=lambda run: query.holds(Subject(run, records), Needs.SUMMARY),
    )
    before: str | None = None
    while True:
        page = records.services.runs.page(records.account, wanted, before=before, limit=PAGE, is_ascending=is_ascending)
        subjects = [Subject(run, records) for run in page.items]
        yield [one for one in subjects if query.holds(one, Needs.DEFINITION)]
        if page.next is None:
            return
        before = page.next


def _named(records: Records, query: InstanceQuery, ids: list[str]) -> Iterator[list[Subject]]:
    for first in range(0, len(ids), PAGE):
        heads = records.heads(ids[first : first + PAGE])
        subjects = [Subject(run, records, run) for run in heads.values()]
        yield [one for one in subjects if query.holds(one, Needs.SUMMARY, Needs.DEFINITION)]


def _with_heads(records: Records, query: InstanceQuery, subjects: list[Subject]) -> list[Subject]:
    """Read the heads of these runs if the query needs them; who is gone meanwhile is left out."""
    if not query.has(Needs.HEAD, Needs.JOURNAL) or all(one.read_head for one in subjects):
        return subjects
    heads = records.heads([one.run.id for one in subjects])
    return [Subject(heads[one.run.id], records, heads[one.run.id]) for one in subjects if one.run.id in heads]


def _summary(run: Run | RunSummary) -> RunSummary:
    return run if isinstance(run, RunSummary) else summary_of(run)


def _only_definition(records: Records, query: InstanceQuery) -> DefinitionKey | None:
    """Name the definition whose runs alone can be meant; None: there may be several."""
    id_ = query.asked.get("processDefinitionId")
    if id_ is not None:
        name = find_definition_name(records.services, records.account, id_)
        return None if name is None else name.definition
    listed = query.asked.get("processDefinitionKeyIn", frozenset())
    key = query.asked.get("processDefinitionKey", next(iter(listed)) if len(listed) == 1 else None)
    if key is None or not is_name(key):
        return None
    if "withoutTenantId" in query.asked:
        return definition_key(key)
    tenants = records.services.deployments.keys_like(records.account, f"{key}(")
    return None if tenants else definition_key(key)


# -- in the document

_NAME = "HistoricProcessInstanceQueryDto"
_FIELDS = {**fields_of({**_KINDS, **FOLDING}), "variables": several(COMPARISON) | None}
_ALTERNATIVE = body_of("HistoricProcessInstanceOrQueryDto", _FIELDS)
QUERY = body_of(_NAME, {**_FIELDS, "orQueries": several(_ALTERNATIVE) | None, **sorting_fields(_NAME, SORTED_BY)})
PARAMETERS = {**parameters_of({**_KINDS, **FOLDING}), "variables": Compared, **sorting(SORTED_BY)}
