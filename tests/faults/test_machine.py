"""Requests, deliveries, losses, sweeps, time and faults in any mix that Hypothesis finds."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine.rules import Machine


def test_every_run_ends_as_the_model_says(lean):
    class OnStage(Machine):
        stage = lean

    run_state_machine_as_test(
        OnStage,
        settings=settings(
            max_examples=200,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
