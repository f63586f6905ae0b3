from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Closed, Signal, SignalName
from chalicelib.core.replay import replay
from chalicelib.core.runs import RunStatus
from chalicelib.core.state import Start
from chalicelib.core.waits import Wait, open_waits
from tests.core.elements import END, START, ask, call, line, pause, read
from tests.core.simulation import AT
from tests.core.sources import Past, past

A, B, P = ActivityId("a"), ActivityId("b"), ActivityId("p")
GRAPH = read(
    *(START, pause("p", after_s=10), ask("a", input={"shown": "${x + 1}"}), ask("b"), call("c"), END),
    *(*line("start", "p", "end"), *line("start", "a", "end"), *line("start", "b", "end"), *line("start", "c", "end")),
)


def waits_of(run: Past) -> tuple[Wait, ...]:
    return open_waits(GRAPH, replay(GRAPH, Start(), run.journal), run.journal)


def test_a_run_waits_for_people_and_times_oldest_first():
    assert waits_of(past(GRAPH, {"x": 1}, 4)) == (
        Wait(1, P, AT, AT + 10_000, {}),
        Wait(2, A, AT, None, {"shown": 2}),
        Wait(3, B, AT, None, {}),
    )


def test_what_is_closed_is_waited_for_no_more():
    assert [wait.entry for wait in waits_of(past(GRAPH, {"x": 1}, 4, Closed(2, AT)))] == [1, 3]


def test_an_ended_run_waits_for_nothing():
    run = past(GRAPH, {"x": 1}, 4, Signal(SignalName.CANCEL, AT))

    assert run.run.status is RunStatus.CANCELED
    assert waits_of(run) == ()
