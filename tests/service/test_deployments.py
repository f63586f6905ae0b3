"""Deployments as use cases: what a race or a great number changes."""

import pytest

from chalicelib.core.deployments import DeploymentNotFound, FileNotFound, NewDeployment, NewProcess
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.refusals import RunNotFound
from chalicelib.service import deployments as service
from chalicelib.service.deployments import Deployed, Deployments
from chalicelib.service.runs import Runs
from tests.aws_calls import Killed, watched
from tests.graphs import Ask, document
from tests.world import ACME, ORDER, World

FIRST = document(Ask("first"))


@pytest.fixture
def deployments(world: World) -> Deployments:
    return world.services.deployments


def deploy(deployments: Deployments, key: DefinitionKey = ORDER) -> Deployed:
    return deployments.create(ACME, NewDeployment({"a.bpmn": b"x"}, (NewProcess("a.bpmn", key, FIRST),)))


def test_all_definitions_are_found_page_by_page(deployments, monkeypatch):
    monkeypatch.setattr(service, "_PAGE", 2)
    keys = [DefinitionKey(key) for key in ("a", "b", "b(t)", "b(u)", "c")]
    for key in keys:
        deploy(deployments, key)

    assert [version.definition for version in deployments.versions(ACME)] == keys
    assert deployments.keys_like(ACME, "b(") == keys[2:4]
    assert deployments.keys_like(ACME, "d(") == []


def test_a_version_whose_deployment_made_something_else_is_not_seen(deployments, world):
    world.services.definitions.deploy(ACME, ORDER, FIRST, origin=deploy(deployments).deployment.id + "x")

    assert [version.number for version in deployments.versions(ACME)] == [1]


def test_a_deletion_that_was_interrupted_is_completed_by_its_repeat(deployments, world):
    made = deploy(deployments).deployment
    with watched(kill_at=4), pytest.raises(Killed):  # read, head, list, file
        deployments.delete(ACME, made.id, is_cascading=False)
    assert world.rows("deployments") != []

    deployments.delete(ACME, made.id, is_cascading=False)

    assert world.rows("deployments") == []
    with pytest.raises(DeploymentNotFound):
        deployments.delete(ACME, made.id, is_cascading=False)


def test_a_file_that_is_not_there_is_not_found(deployments):
    made = deploy(deployments).deployment
    deployments.store.delete(ACME, made.id)
    deployments.store.save(ACME, made)

    with pytest.raises(FileNotFound):
        deployments.content(ACME, made.id, made.files[0].id)


@pytest.mark.parametrize("step", ["cancel", "delete"])
def test_a_run_that_somebody_else_deletes_meanwhile_is_no_hindrance(deployments, world, monkeypatch, step):
    made = deploy(deployments).deployment
    world.start({})
    monkeypatch.setattr(Runs, step, _gone)

    deployments.delete(ACME, made.id, is_cascading=True)

    with pytest.raises(DeploymentNotFound):
        deployments.load(ACME, made.id)


def test_runs_of_a_version_are_counted_over_pages_and_those_of_others_are_not(deployments, world, monkeypatch):
    made = deploy(deployments).deployment
    mine = world.start({})
    deploy(deployments)
    others = [world.start({}) for _ in range(5)]
    monkeypatch.setattr(service, "MAX_CASCADE", 1)

    deployments.delete(ACME, made.id, is_cascading=True)

    left = world.services.runs.load_all(ACME, [run.id for run in (mine, *others)])
    assert set(left) == {run.id for run in others}


def _gone(_self: Runs, _account: object, run_id: object, *_reason: str) -> None:
    raise RunNotFound(run_id)  # type: ignore[arg-type]
