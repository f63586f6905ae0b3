"""Deployments: seen from their head on, and not before; files come back as they went in."""

from random import Random

import pytest

from chalicelib.core.deployments import Deployment, DeploymentId, File, FileId, MadeVersion, Traits
from chalicelib.stores.deployments import DeploymentStore
from chalicelib.stores.packing import ItemTooLarge
from tests.world import ACME, BEGINNING, ORDER, OTHER, World

FIRST, SECOND = DeploymentId("d-1"), DeploymentId("d-10")
FILE = File(FileId("f-1"), "order.bpmn", "0123")
TRAITS = Traits("Order", "1.2", 30, is_startable=False)
MADE = MadeVersion(ORDER, 3, FILE.name, TRAITS)
WHOLE = Deployment(FIRST, "orders", "modeler", "t1", BEGINNING, (FILE,), (MADE,), "hash")
BARE = Deployment(SECOND, None, None, None, BEGINNING, (FILE,), (), "hash")
BYTES = b"\xff\x00<xml/>\r\n" * 40


@pytest.fixture
def store(world: World) -> DeploymentStore:
    return world.services.deployments.store


@pytest.mark.parametrize("deployment", [WHOLE, BARE])
def test_a_deployment_comes_back_as_it_was_kept(store, deployment):
    store.save(ACME, deployment)
    store.save(ACME, deployment)

    assert store.load(ACME, deployment.id) == deployment
    assert store.list(ACME) == [deployment]


def test_nobody_sees_the_deployments_of_others(store):
    store.save(ACME, WHOLE)
    store.save_file(ACME, FIRST, FILE.id, store.packed(BYTES), BEGINNING)

    assert (store.load(OTHER, FIRST), store.list(OTHER), store.file(OTHER, FIRST, FILE.id)) == (None, [], None)


def test_a_file_comes_back_byte_by_byte(store):
    store.save_file(ACME, FIRST, FILE.id, store.packed(BYTES), BEGINNING)

    assert store.file(ACME, FIRST, FILE.id) == BYTES
    assert store.file(ACME, SECOND, FILE.id) is None


def test_a_file_that_one_item_cannot_hold_is_refused(store):
    noise = Random(1).randbytes(400_000)

    with pytest.raises(ItemTooLarge):
        store.packed(noise)


def test_a_deleted_deployment_leaves_nothing_and_no_other_one_is_touched(store, world):
    for deployment in (WHOLE, BARE):
        store.save(ACME, deployment)
        store.save_file(ACME, deployment.id, FILE.id, store.packed(BYTES), BEGINNING)

    store.delete(ACME, FIRST)
    store.delete(ACME, FIRST)

    assert {row["part"]["S"] for row in world.rows("deployments")} == {"head#d-10", "file#d-10#f-1"}


def test_a_deletion_that_was_interrupted_is_completed_by_the_next(store, world):
    store.save_file(ACME, FIRST, FILE.id, store.packed(BYTES), BEGINNING)

    store.delete(ACME, FIRST)

    assert world.rows("deployments") == []


def test_a_version_is_suspended_until_it_is_activated(store):
    store.suspend(ACME, ORDER, 3, BEGINNING)
    store.suspend(ACME, ORDER, 12, BEGINNING)
    store.activate(ACME, ORDER, 3)
    store.activate(ACME, ORDER, 3)

    assert store.suspended(ACME) == {(ORDER, 12)}
    assert [store.is_suspended(ACME, ORDER, number) for number in (3, 12)] == [False, True]
    assert store.suspended(OTHER) == frozenset()
