"""API keys, of which only a hash of the secret is kept."""

from dataclasses import replace

import pytest

from chalicelib.core.access import ApiKey, Scope
from chalicelib.stores.keys import KeyStore
from tests.world import ACME, BEGINNING, OTHER, World

KEY = ApiKey("key-1", ACME, "ci", frozenset({Scope.READ, Scope.RESTART}), "test", BEGINNING)


@pytest.fixture
def keys(world: World) -> KeyStore:
    return world.services.access.keys


@pytest.mark.parametrize("key", [KEY, replace(KEY, expires_at=BEGINNING + 5, scopes=frozenset(Scope))])
def test_a_key_is_found_by_its_secret_and_by_nothing_else(keys, key):
    keys.create(key, "secret")

    assert keys.find("secret") == key
    assert keys.find("Secret") is None


def test_a_secret_stands_nowhere(world, keys):
    keys.create(KEY, "do-not-tell")

    assert "do-not-tell" not in repr(world.everything())


def test_a_key_is_read_consistently_so_that_a_revoked_one_opens_nothing_from_then_on(keys, calls):
    keys.find("secret")

    assert [request["ConsistentRead"] for request in calls.requests] == [True]


def test_creating_a_key_again_changes_nothing(world, keys):
    keys.create(KEY, "secret")
    before = world.everything()

    keys.create(replace(KEY, name="another"), "secret")

    assert world.everything() == before


def test_an_account_s_keys_are_listed_and_no_other_s(keys):
    second = replace(KEY, id="key-2")
    keys.create(second, "second")
    keys.create(KEY, "first")
    keys.create(replace(KEY, id="key-3", account=OTHER), "third")

    assert keys.list(ACME) == [KEY, second]


def test_a_disabled_key_is_still_found_and_says_so(keys):
    keys.create(KEY, "secret")

    keys.disable(ACME, KEY.id)

    assert keys.find("secret") == replace(KEY, is_disabled=True)
    assert keys.list(ACME) == [replace(KEY, is_disabled=True)]


def test_nobody_disables_what_is_unknown_or_another_account_s(keys):
    keys.create(KEY, "secret")

    keys.disable(ACME, "key-9")
    keys.disable(OTHER, KEY.id)
    assert keys.named(ACME, "key-9") is keys.named(OTHER, KEY.id) is None
    assert keys.find("secret") == KEY
