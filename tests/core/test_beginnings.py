"""Where a run begins that begins at the beginning, and what it needs for that."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.beginnings import first_places
from chalicelib.core.births import Birth, plan_start
from chalicelib.core.causes import Cause
from chalicelib.core.definition_documents import DefinitionInvalid, read_definition
from chalicelib.core.definitions import Definition
from chalicelib.core.ids import AccountId, ActivityId, DefinitionKey, RunId, SnapshotId, TransitionId
from chalicelib.core.json_values import Variables
from chalicelib.core.refusals import ElementUnknown, StartNotFound, StartsAmbiguous, StartUnknown, VariablesMissing
from chalicelib.core.restart_requests import Inherited, StartRequest
from chalicelib.core.restarts import _inherited as inherited
from chalicelib.core.runs import Run
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place
from chalicelib.core.versions import Version
from tests.graphs import Ask, definition, document, steps


def starts(*conditions: str | None, **fields: Any) -> Any:
    """Answer a document whose start events lead to one end."""
    events: list[Any] = [
        {"id": f"s{n}", "type": "start_event", **({"condition": condition} if condition else {})}
        for n, condition in enumerate(conditions)
    ]
    ways = [{"id": f"t{n}", "from": f"s{n}", "to": "end"} for n in range(len(conditions))]
    return {"activities": [*events, {"id": "end", "type": "end_event"}], "transitions": ways, **fields}


def with_starts(*conditions: str | None, **fields: Any) -> Definition:
    return read_definition(starts(*conditions, **fields))


@pytest.mark.parametrize(
    ("conditions", "variables", "place"),
    [
        ((None,), {}, None),
        (("x == 1", "x == 2"), {"x": 2}, "s1"),
        ((None, "x == 2"), {"x": 2}, "s1"),
        ((None, "x == 2"), {"x": 3}, "s0"),
        ((None, "x == 2"), {}, "s0"),
        (("x", None), {"x": "no boolean"}, "s1"),
        (("true",), {}, "s0"),
    ],
)
def test_a_run_begins_at_the_start_event_whose_condition_holds_else_at_the_plain_one(conditions, variables, place):
    places = first_places(with_starts(*conditions), variables)

    assert places == (() if place is None else (BeforeActivity(place),))


@pytest.mark.parametrize(("conditions", "place"), [((None,), "s0"), ((None, "x == 2"), "s1"), (("x", "x"), "s0")])
def test_a_start_event_that_is_named_is_the_one_whatever_its_condition(conditions, place):
    assert first_places(with_starts(*conditions), {"x": False}, ActivityId(place)) == (BeforeActivity(place),)


@pytest.mark.parametrize("name", ["s9", "end", ""])
def test_a_start_event_that_is_named_must_be_there(name):
    with pytest.raises(StartUnknown, match=f"no start event '{name}'"):
        first_places(with_starts(None, "x"), {}, name)


def test_a_start_event_that_is_named_needs_what_is_required():
    with pytest.raises(VariablesMissing, match="a"):
        first_places(with_starts(None, required=["a"]), {}, ActivityId("s0"))


def test_no_start_event_is_a_refusal_and_so_are_two():
    with pytest.raises(StartNotFound):
        first_places(with_starts("x == 1", "x == 2"), {"x": 3})
    with pytest.raises(StartNotFound):
        first_places(with_starts("x == 1"), {})
    with pytest.raises(StartsAmbiguous, match="s0, s1"):
        first_places(with_starts("x == 1", "x == 2"), {})
    with pytest.raises(StartsAmbiguous, match="s0, s1"):
        first_places(with_starts("x > 1", "x > 2"), {"x": 3})


def test_what_is_required_must_be_there_and_more_than_null():
    definition = with_starts(None, required=["a", "b", "c"])

    with pytest.raises(VariablesMissing, match="b, c"):
        first_places(definition, {"a": 0, "b": None})
    assert first_places(definition, {"a": 0, "b": "", "c": False}) == ()


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (starts(None, None), "is a second start event beside 's0'"),
        (starts("1 +"), "bad expression"),
        (starts(None, required="a"), "'required' must be a list"),
        (starts(None, required=["a", "a"]), "each once"),
        (starts(None, required=["a", 7]), "each once"),
        (
            {
                "activities": [
                    {"id": "s", "type": "start_event"},
                    {"id": "sub", "type": "sub_process", **starts("true")},
                    {"id": "e", "type": "end_event"},
                ],
                "transitions": [{"id": "a", "from": "s", "to": "sub"}, {"id": "b", "from": "sub", "to": "e"}],
            },
            "is the start event of a sub-process",
        ),
    ],
)
def test_a_document_whose_starts_cannot_be_meant_is_refused(document, problem):
    document = {**document}
    if "sub" in str(document):
        inner = document["activities"][1]
        inner["activities"][-1]["id"] = "sub_end"
        inner["transitions"][0]["to"] = "sub_end"

    with pytest.raises(DefinitionInvalid) as refused:
        read_definition(document)

    assert any(problem in defect.problem for defect in refused.value.defects)


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Inherited(), {"a": {"b": {"c": 1, "d": 2}}, "e": 3}),
        (Inherited(only=frozenset({"e", "x"})), {"e": 3}),
        (Inherited(without=("a.b.c",)), {"a": {"b": {"d": 2}}, "e": 3}),
        (Inherited(without=("e", "a.x", "e.f")), {"a": {"b": {"c": 1, "d": 2}}}),
        (Inherited(frozenset({"a"}), ("a.b",)), {"a": {}}),
    ],
)
def test_data_is_inherited_as_it_is_wanted_and_the_source_s_stays(wanted, left):
    source: Variables = {"a": {"b": {"c": 1, "d": 2}}, "e": 3}

    assert inherited(source, wanted) == left
    assert source == {"a": {"b": {"c": 1, "d": 2}}, "e": 3}


class TestPlaces:
    """A first run may begin elsewhere than at a start event."""

    GRAPH = definition(steps(Ask("first"), Ask("second")))

    def plan(self, *places: Place, **more: Any) -> Run:
        request = StartRequest(AccountId("acme"), Cause("test", "key"), {}, places=places, **more)
        version = Version(DefinitionKey("order"), SnapshotId("snap"), self.GRAPH, 1)
        return plan_start(request, version, Birth(RunId("run"), "hash", 1)).run

    def test_are_where_its_tokens_begin(self):
        places = (BeforeActivity(ActivityId("second")), AfterActivity(ActivityId("first")))

        assert self.plan(*places).start.places == places
        assert self.plan(places[0]).waiting_for == ("second",)
        assert self.plan().waiting_for == ("first",)

    def test_need_nothing_that_the_definition_requires(self):
        required = read_definition({**document(Ask("first")), "required": ["amount"]})
        request = StartRequest(AccountId("acme"), Cause("test", "key"), {})
        version = Version(DefinitionKey("order"), SnapshotId("snap"), required, 1)
        birth = Birth(RunId("run"), "hash", 1)

        with pytest.raises(VariablesMissing):
            plan_start(request, version, birth)
        placed = replace(request, places=(BeforeActivity(ActivityId("first")),))
        assert plan_start(placed, version, birth).run.waiting_for == ("first",)

    def test_that_do_not_exist_are_refused(self):
        with pytest.raises(ElementUnknown):
            self.plan(BeforeActivity(ActivityId("first")), AlongTransition(TransitionId("x")))

    def test_skips_are_the_starts(self):
        start = self.plan(is_skipping_listeners=True, is_skipping_mappings=True).start

        assert (start.is_skipping_listeners, start.is_skipping_mappings) == (True, True)
