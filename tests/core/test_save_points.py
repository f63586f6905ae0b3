"""Save points: a token rests before the activity until a worker takes it on."""

import pytest

from chalicelib.core.advance import next_effects, settle
from chalicelib.core.definition_documents import read_definition
from chalicelib.core.definitions import Definition
from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Input, Passed, Performed, ReplayMismatch
from chalicelib.core.json_values import Json
from chalicelib.core.replay import apply, begin, replay
from chalicelib.core.state import BeforeActivity, Start
from tests.core.simulation import AT, drive
from tests.graphs import action

LISTENED: Json = [{"set": {"seen": "${n}"}}]


def saved(**fields: Json) -> Definition:
    """Describe a start, a call with a save point, and an end."""
    call: Json = {"id": "call", "type": "service_task", "action": action("call"), "save_point": True, **fields}
    return read_definition({
        "activities": [{"id": "s", "type": "start_event"}, call, {"id": "e", "type": "end_event"}],
        "transitions": [{"id": "f", "from": "s", "to": "call"}, {"id": "g", "from": "call", "to": "e"}],
    })  # fmt: skip


def test_nothing_of_the_activity_happens_before_a_worker_comes():
    definition = saved(on_start=LISTENED)
    state = begin(definition, Start(), {"n": 1})

    assert settle(definition, state, AT).entries == ()
    assert next_effects(definition, state) == ()
    assert state.variables == {"n": 1}


def test_a_worker_takes_the_token_on():
    definition = saved(on_start=LISTENED)
    passed = settle(definition, begin(definition, Start(), {"n": 1}), AT, is_working=True)

    assert passed.entries == (Passed(ActivityId("call"), 1, AT),)
    assert [token.activity for token in next_effects(definition, passed.state)] == ["call"]
    assert passed.state.variables == {"n": 1, "seen": 1}


def test_what_a_restart_skips_it_skips_only_until_there():
    definition = saved(on_start=LISTENED)
    start = Start((BeforeActivity(ActivityId("call")),), is_skipping_listeners=True, is_skipping_mappings=True)

    passed = settle(definition, begin(definition, start, {"n": 1}), AT, is_working=True)

    assert passed.state.variables["seen"] == 1


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Performed(ActivityId("call"), 1, AT), "the token rests at a save point of 'call'"),
        (Passed(ActivityId("call"), 2, AT), "no token stands at 'call'"),
    ],
)
def test_a_journal_that_passes_it_by_does_not_fit(entry, said):
    with pytest.raises(ReplayMismatch, match=said):
        replay(saved(), Start(), [Input({}, AT), entry])


def test_it_is_passed_once():
    definition, passed = saved(), Passed(ActivityId("call"), 1, AT)
    state = apply(definition, begin(definition, Start(), {}), passed)

    with pytest.raises(ReplayMismatch, match="no token rests at a save point of 'call'"):
        apply(definition, state, passed)


def test_a_join_counts_those_who_have_passed_its_save_point():
    definition = read_definition({
        "activities": [
            {"id": "s", "type": "start_event"},
            {"id": "fork", "type": "parallel_gateway"},
            {"id": "join", "type": "parallel_gateway", "save_point": True},
            {"id": "e", "type": "end_event"},
        ],
        "transitions": [
            {"id": "a", "from": "s", "to": "fork"},
            {"id": "b", "from": "fork", "to": "join"},
            {"id": "c", "from": "fork", "to": "join"},
            {"id": "d", "from": "join", "to": "e"},
        ],
    })  # fmt: skip

    driven = drive(definition, {})

    assert [type(entry).__name__ for entry in driven.journal] == ["Input", "Passed", "Passed", "Output"]
    assert driven.state.failure is None


def test_the_start_event_may_have_one():
    definition = read_definition({
        "activities": [{"id": "s", "type": "start_event", "save_point": True}, {"id": "e", "type": "end_event"}],
        "transitions": [{"id": "f", "from": "s", "to": "e"}],
    })  # fmt: skip

    assert not settle(definition, begin(definition, Start(), {}), AT).state.is_over
    assert settle(definition, begin(definition, Start(), {}), AT, is_working=True).state.is_over
