"""API keys: who may do what, and how soon a revoked key opens nothing."""

from dataclasses import replace

import pytest

from chalicelib.core.access import AccountInvalid, Scope, ScopeMissing, Unauthenticated
from chalicelib.core.ids import AccountId
from chalicelib.service import access as access_module
from chalicelib.service.access import MAX_SECRET, REMEMBERED_MS, Access, KeyNotFound
from tests.world import ACME, BEGINNING, OTHER, World

READ = frozenset({Scope.READ})
GET = "dynamodb.GetItem"


@pytest.fixture
def access(world: World) -> Access:
    return world.services.access


@pytest.fixture
def elsewhere(access: Access) -> Access:
    """Another process of the same service."""
    return replace(access, _remembered={})


def create(access: Access, scopes: frozenset[Scope] = READ, expires_at: int | None = None) -> str:
    """Make a key, and answer its secret."""
    return access.create(ACME, "ci", scopes, "test", expires_at)[1]


def is_open(access: Access, secret: str) -> bool:
    try:
        access.authorize(secret, Scope.READ)
    except Unauthenticated:
        return False
    return True


class TestAuthorizing:
    def test_answers_the_key_that_a_secret_is(self, access):
        key, secret = access.create(ACME, "ci", READ, "test", None)

        assert access.authorize(secret, Scope.READ) == key
        assert (key.account, key.name, key.scopes, key.environment, key.created_at) == (
            ACME,
            "ci",
            READ,
            "test",
            BEGINNING,
        )

    @pytest.mark.parametrize("secret", [None, "", "unknown", "x" * MAX_SECRET, "x" * (MAX_SECRET + 1), "\ud800"])
    def test_refuses_whoever_has_no_key(self, access, secret):
        create(access)

        with pytest.raises(Unauthenticated):
            access.authorize(secret, Scope.READ)

    def test_asks_nobody_about_a_secret_that_is_too_long_to_be_one(self, access, calls):
        with pytest.raises(Unauthenticated):
            access.authorize("x" * (MAX_SECRET + 1), Scope.READ)

        assert calls.made == []

    @pytest.mark.parametrize("scope", Scope)
    def test_grants_the_scopes_that_a_key_names_and_no_other(self, access, scope):
        only, others = create(access, frozenset({scope})), create(access, frozenset(Scope) - {scope})

        assert access.authorize(only, scope).scopes == {scope}
        with pytest.raises(ScopeMissing):
            access.authorize(others, scope)

    def test_ends_when_a_key_expires_even_if_it_is_remembered(self, world, access):
        secret = create(access, expires_at=BEGINNING + 10)
        assert is_open(access, secret)

        world.clock.advance(9)
        assert is_open(access, secret)
        world.clock.advance(1)
        assert not is_open(access, secret)


class TestRemembering:
    def test_a_key_is_read_once_a_minute_at_most(self, world, access, calls):
        secret = create(access)
        calls.made.clear()

        assert is_open(access, secret)
        world.clock.advance(REMEMBERED_MS - 1)
        assert is_open(access, secret)
        assert calls.made == [GET]
        world.clock.advance(1)
        assert is_open(access, secret)
        assert calls.made == [GET, GET]

    def test_a_secret_that_is_no_key_is_asked_about_each_time_so_that_a_new_key_works_at_once(self, access, calls):
        assert not is_open(access, "unknown")
        assert not is_open(access, "unknown")
        assert calls.made == [GET, GET]

    def test_no_more_keys_than_a_limit_are_remembered(self, access, monkeypatch, calls):
        monkeypatch.setattr(access_module, "MAX_REMEMBERED", 2)
        secrets = [create(access) for _ in range(3)]
        for secret in secrets:
            access.authorize(secret, Scope.READ)
        calls.made.clear()

        assert is_open(access, secrets[2])
        assert calls.made == []
        assert is_open(access, secrets[0])
        assert calls.made == [GET]


class TestRevoking:
    def test_closes_at_once_here_and_within_a_minute_elsewhere(self, world, access, elsewhere):
        key, secret = access.create(ACME, "ci", READ, "test", None)
        assert is_open(access, secret)
        assert is_open(elsewhere, secret)

        access.revoke(key, key.id)

        assert not is_open(access, secret)
        assert is_open(elsewhere, secret)
        world.clock.advance(REMEMBERED_MS)
        assert not is_open(elsewhere, secret)

    def test_leaves_other_keys_alone(self, access):
        key, _ = access.create(ACME, "ci", READ, "test", None)
        other = create(access)

        access.revoke(key, key.id)

        assert is_open(access, other)
        assert [listed.is_disabled for listed in access.list(key)].count(True) == 1

    def test_of_an_unknown_key_or_another_account_s_is_refused(self, access):
        key, secret = access.create(ACME, "ci", READ, "test", None)

        other, _ = access.create(OTHER, "ci", READ, "test", None)

        for caller, key_id in ((key, "unknown"), (other, key.id)):
            with pytest.raises(KeyNotFound):
                access.revoke(caller, key_id)

        assert is_open(access, secret)
        assert access.list(other) == [other]

    def test_of_a_live_key_by_one_of_another_environment_is_refused(self, access):
        live, secret = access.create(ACME, "ci", READ, "live", None)
        test, _ = access.create(ACME, "ci", READ, "test", None)

        with pytest.raises(KeyNotFound):
            access.revoke(test, live.id)

        assert is_open(access, secret)
        assert access.list(test) == [test]
        assert {key.id for key in access.list(live)} == {live.id, test.id}


@pytest.mark.parametrize("account", ["", "acme#x", "acme@test", "a b", "x" * 65])
def test_an_account_whose_name_could_be_taken_for_another_gets_no_key(access, account):
    with pytest.raises(AccountInvalid):
        access.create(AccountId(account), "ci", READ, "live", None)


def test_a_secret_tells_which_key_it_is_of_and_nothing_is_kept_of_it(world, access):
    key, secret = access.create(ACME, "ci", READ, "test", None)

    assert secret.startswith(f"rsk_{key.id.replace('-', '')[:12]}_")
    assert secret not in repr(world.everything())
