"""Mistakes that were made once."""

from dataclasses import replace

from chalicelib.core.effects import Failed, Succeeded
from chalicelib.core.json_values import Variables
from chalicelib.core.runs import RunStatus, tries_of
from chalicelib.core.state import Token
from tests.graphs import Call, Choice, document, steps
from tests.world import ACME, INPUT, World

THREE: Variables = {"retry": {"attempts": 3, "delay_s": 1}}


def test_each_activity_of_a_chain_has_tries_of_its_own(world: World):
    world.publish(document(steps(Call("a", THREE), Call("b", THREE))))
    left = {"a": 2, "b": 2}

    def unwell(step: str):
        def answer(_call):
            left[step] -= 1
            return Failed("http_503", "unwell", is_retryable=True) if left[step] >= 0 else Succeeded(None)

        return answer

    world.outside.answers.update(a=unwell("a"), b=unwell("b"))
    run = world.start()

    world.settle()

    assert world.run(run.id).status is RunStatus.COMPLETED
    assert world.outside.asked == {"a": 3, "b": 3}


def test_tries_are_of_one_visit(world: World, order):
    world.publish(order)
    world.outside.fail("charge")
    run = world.start()
    world.deliver()
    failed = world.run(run.id)
    [(token, tries)] = failed.tries.items()

    assert tries_of(failed, Token(token, failed.definition, 0, since=tries.since)) == tries  # type: ignore[arg-type]
    assert tries_of(failed, Token(token, failed.definition, 0, since=tries.since + 1)) is None  # type: ignore[arg-type]


def test_a_canceled_run_is_canceled_whatever_it_would_have_failed_of(world: World):
    world.publish(document(Choice(Call("a"), Call("b"))))
    run = world.start({**INPUT, "flag": "no truth value"}, overrides=replace(world.start().overrides, delay_s=600))

    world.services.runs.cancel(ACME, run.id, "not wanted")

    assert world.run(run.id).status is RunStatus.CANCELED
    assert run.id not in {row["run_id"]["S"] for row in world.rows("dead-letters")}


def test_the_length_of_a_journal_is_told_by_its_last_row(world: World, order):
    world.publish(order)
    run = world.start()
    store = world.services.restarts.runs
    assert store.journal_length(world.run(run.id)) == 1

    world.settle()

    ended = world.run(run.id)
    assert store.journal_length(ended) == len(store.journal(ended)) == ended.journal_length
    assert ended.lease is None
