"""Apps: what is active is read once a minute at most, and a build once for good."""

import pytest

from chalicelib.core.apps import AppName, AppNotFound, BuildNotFound
from chalicelib.core.refusals import DefinitionNotFound
from chalicelib.core.versions import NamedVersion, PublishedVersion
from chalicelib.service import apps as service
from chalicelib.service.apps import Apps
from chalicelib.stores import apps as stores
from tests.graphs import Call, document
from tests.world import ACME, MINUTE, ORDER, OTHER, World

APP = AppName("ws", "app")
GET = "dynamodb.GetItem"


@pytest.fixture
def apps(world: World) -> Apps:
    world.publish(document(Call("read")))
    world.services.apps.save(ACME, APP, None, {})
    return world.services.apps


def test_the_policy_is_read_once_a_minute(world, apps, calls):
    calls.made.clear()

    for _ in range(3):
        assert apps.active(ACME, APP, ORDER, "key").choice == PublishedVersion()
    assert calls.made == [GET]
    world.clock.advance(MINUTE)
    apps.active(ACME, APP, ORDER, "key")
    assert calls.made == [GET, GET]


def test_a_build_is_read_once_for_good(world, apps, calls):
    build = apps.make_build(ACME, APP, [ORDER])
    apps.save(ACME, APP, build.id, {})
    apps.active(ACME, APP, ORDER, "key")
    world.clock.advance(MINUTE)
    calls.made.clear()

    active = apps.active(ACME, APP, ORDER, "key")

    assert (active.choice, active.build) == (NamedVersion(build.versions[ORDER]), build.id)
    assert calls.made == [GET]


def test_memory_does_not_grow_without_end(apps, monkeypatch, calls):
    monkeypatch.setattr(service, "MAX_REMEMBERED", 1)
    monkeypatch.setattr(stores, "KEPT_IN_MEMORY", 1)
    other = AppName("ws", "other")
    apps.save(ACME, other, None, {})
    builds = [apps.make_build(ACME, name, [ORDER]) for name in (APP, other)]
    for name, build in zip((APP, other), builds, strict=True):
        apps.pinned(ACME, name, ORDER, build.id)
    calls.made.clear()

    apps.pinned(ACME, other, ORDER, builds[1].id)
    assert calls.made == []
    apps.pinned(ACME, APP, ORDER, builds[0].id)
    assert calls.made == [GET, GET]


def test_nobody_sees_the_apps_and_builds_of_others(apps):
    build = apps.make_build(ACME, APP, [ORDER])

    with pytest.raises(AppNotFound):
        apps.load(OTHER, APP)
    with pytest.raises(BuildNotFound):
        apps.build(OTHER, APP, build.id)
    with pytest.raises(BuildNotFound):
        apps.build(ACME, AppName("ws", "other"), build.id)


def test_a_build_has_nothing_that_it_was_not_made_of(apps):
    build = apps.make_build(ACME, APP, [])

    with pytest.raises(DefinitionNotFound):
        apps.pinned(ACME, APP, ORDER, build.id)
