"""What an account has settled, and how long its dead letters are kept for it."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.ids import AccountId, RunId
from chalicelib.core.restart_requests import RestartRequest
from chalicelib.core.settings import DAY_S, AccountSettings
from chalicelib.service.commands import Command
from chalicelib.service.dead_letters import DeadLetters, DeadLettersGone
from chalicelib.stores.accounts import AccountStore
from local.template import read_template
from tests.graphs import Call, document
from tests.world import ACME, CAUSE, MINUTE, OTHER, World

READ = "dynamodb.GetItem"
USUAL, HOUR = AccountSettings(), AccountSettings(retention_s=3_600)
EVERY = LetterFilter()
WISH = RestartRequest(RunId(""), CAUSE)
RESTART = Command(ACME, "ops", "restart", "dead-letters", {}, "k")


@pytest.fixture
def accounts(world: World) -> AccountStore:
    return world.services.accounts.store


@pytest.fixture
def elsewhere(accounts: AccountStore) -> AccountStore:
    """Another process."""
    return AccountStore(accounts.calls, accounts.now)


class TestSettings:
    def test_are_the_usual_ones_until_something_is_settled(self, accounts):
        assert accounts.settings(ACME) == USUAL
        assert USUAL.retention_s == 7 * DAY_S

    def test_are_an_account_s_own(self, accounts, elsewhere):
        accounts.save(ACME, HOUR)

        assert (elsewhere.settings(ACME), elsewhere.settings(OTHER)) == (HOUR, USUAL)

    @pytest.mark.parametrize("settled", [USUAL, HOUR], ids=["nothing settled", "something settled"])
    def test_are_read_once_a_minute(self, world, accounts, elsewhere, calls, settled):
        if settled is HOUR:
            elsewhere.save(ACME, settled)
        calls.made.clear()

        assert [accounts.settings(ACME) for _ in range(3)] == [settled] * 3
        world.clock.advance(MINUTE - 1)
        accounts.settings(ACME)
        assert calls.made == [READ]

        world.clock.advance(1)
        accounts.settings(ACME)
        assert calls.made == [READ] * 2

    def test_that_another_process_saved_are_heeded_after_a_minute(self, world, accounts, elsewhere):
        accounts.settings(ACME)
        elsewhere.save(ACME, HOUR)

        world.clock.advance(MINUTE - 1)
        assert accounts.settings(ACME) == USUAL
        world.clock.advance(1)
        assert accounts.settings(ACME) == HOUR

    def test_that_were_saved_here_are_heeded_at_once(self, accounts):
        accounts.settings(ACME)

        accounts.save(ACME, HOUR)

        assert accounts.settings(ACME) == HOUR

    def test_may_be_settled_anew(self, accounts, elsewhere):
        accounts.save(ACME, HOUR)
        accounts.save(ACME, USUAL)

        assert elsewhere.settings(ACME) == USUAL


# -- retention


@pytest.fixture
def letters(world: World) -> DeadLetters:
    world.publish(document(Call("work")))
    world.outside.fail("work", is_retryable=False)
    return world.services.dead_letters


def failed(world: World) -> DeadLetter:
    """Let a run fail, and answer the dead letter that it left."""
    run = world.start()
    world.deliver()
    [letter] = [it for it in listed(world) if it.run.id == run.id]
    return letter


def listed(world: World) -> tuple[DeadLetter, ...]:
    return world.services.dead_letters.page(ACME, EVERY, before=None, limit=50).items


def expire(world: World, letter: DeadLetter) -> None:
    """Let a letter's time come; DynamoDB has not removed it yet."""
    assert letter.expires_at is not None
    world.clock.ms = letter.expires_at


def row_of(world: World, letter: DeadLetter) -> dict[str, Any]:
    [row] = [row for row in world.rows("dead-letters") if row["dead_letter_id"]["S"] == letter.id]
    return row


class TestADeadLetter:
    def test_is_kept_for_so_many_seconds_from_its_failure_on(self, world, letters):
        world.clock.advance(999)
        letter = failed(world)

        assert letter.expires_at == (letter.at // 1000 + 7 * DAY_S) * 1000
        assert row_of(world, letter)["expires_at"] == {"N": str(letter.at // 1000 + 7 * DAY_S)}

    def test_is_removed_by_dynamodb_by_the_attribute_that_says_so(self):
        table = read_template()["Resources"]["DeadLettersTable"]["Properties"]

        assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}

    def test_is_kept_as_long_as_was_settled_when_it_came(self, world, letters, accounts):
        before = failed(world)
        accounts.save(ACME, HOUR)
        world.clock.advance(1)
        after = failed(world)
        accounts.save(ACME, USUAL)

        world.clock.advance(HOUR.retention_s * 1000)

        assert listed(world) == (before,)
        assert after.expires_at == (after.at // 1000 + HOUR.retention_s) * 1000

    @pytest.mark.parametrize("account", [ACME, OTHER])
    def test_is_kept_as_its_own_account_has_settled(self, world, letters, accounts, account: AccountId):
        accounts.save(account, HOUR)

        letter = failed(world)

        kept_s = HOUR.retention_s if account == ACME else USUAL.retention_s
        assert letter.expires_at == (letter.at // 1000 + kept_s) * 1000

    def test_is_there_until_the_last_millisecond_of_its_time(self, world, letters):
        letter = failed(world)
        expire(world, letter)
        world.clock.advance(-1)

        assert listed(world) == (letter,)
        assert letters.load(ACME, letter.id) == letter
        assert len(letters.restart(RESTART, [letter.id], WISH)) == 1

    def test_whose_time_has_come_is_in_no_list(self, world, letters):
        expire(world, failed(world))

        assert listed(world) == ()

    def test_whose_time_has_come_is_not_found(self, world, letters):
        letter = failed(world)
        expire(world, letter)

        assert letters.letters.find(ACME, letter.id) is None
        assert letters.letters.find_all(ACME, [letter.id]) == {}
        with pytest.raises(DeadLettersGone) as gone:
            letters.load(ACME, letter.id)
        assert (gone.value.missing, gone.value.became) == ((letter.id,), {})

    def test_whose_time_has_come_is_not_restarted(self, world, letters):
        letter = failed(world)
        expire(world, letter)
        before = world.everything()

        with pytest.raises(DeadLettersGone):
            letters.restart(RESTART, [letter.id], WISH)
        page = letters.restart_page(RESTART, EVERY, WISH, before=None, limit=50)

        assert page.made == ()
        assert world.everything() == before

    def test_whose_time_has_come_is_not_counted_as_removed(self, world, letters):
        letter = failed(world)
        expire(world, letter)

        assert letters.remove_page(ACME, EVERY, before=None, limit=50) == (0, None)
        assert letters.remove(ACME, [letter.id]) == 0

    def test_leaves_a_tombstone_that_goes_when_its_own_time_would_have_come(self, world, letters):
        letter = failed(world)
        [reborn] = letters.restart(RESTART, [letter.id], WISH)
        unkeyed = replace(RESTART, key=None)
        with pytest.raises(DeadLettersGone) as gone:
            letters.restart(unkeyed, [letter.id], WISH)
        assert gone.value.became == {letter.id: reborn.run.id}

        expire(world, letter)

        with pytest.raises(DeadLettersGone) as gone:
            letters.restart(unkeyed, [letter.id], WISH)
        assert (gone.value.missing, gone.value.became) == ((letter.id,), {})
        assert letters.letters.find(ACME, letter.id) is None

    def test_is_kept_as_settled_when_the_run_that_it_became_fails_too(self, world, letters, accounts):
        first = failed(world)
        accounts.save(ACME, HOUR)
        [reborn] = letters.restart(RESTART, [first.id], WISH)
        world.services.worker.advance(f"{ACME}#{reborn.run.id}", lambda: MINUTE)

        [second] = listed(world)

        assert (first.run.lineage.attempt, second.run.lineage.attempt) == (1, 2)
        assert second.expires_at == (second.at // 1000 + HOUR.retention_s) * 1000
