"""Drafts, snapshots and published versions of definitions."""

import pytest

from chalicelib.core.errors import TooLarge
from chalicelib.core.ids import AccountId, DefinitionKey, SnapshotId
from chalicelib.core.versions import Version
from chalicelib.stores.definitions import KEPT_IN_MEMORY, DefinitionStore, DefinitionSummary, PublishedMeanwhile
from tests.graphs import Ask, Block, Call, document
from tests.stores.plans import version_of
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, BEGINNING, ORDER, OTHER, World

FIRST, SECOND, THIRD = Call("first"), Ask("second"), Call("third")


@pytest.fixture
def definitions(world: World) -> DefinitionStore:
    return world.services.definitions.store


@pytest.fixture
def elsewhere(definitions) -> DefinitionStore:
    """The same tables, seen from a process that has read nothing yet."""
    return another_process(definitions)


def another_process(store: DefinitionStore) -> DefinitionStore:
    return DefinitionStore(store.calls)


def draft(store: DefinitionStore, block: Block, key: DefinitionKey = ORDER, account: AccountId = ACME) -> Version:
    """Save a block as the draft, and answer it."""
    store.save_draft(account, key, document(block), BEGINNING)
    saved = store.draft(account, key)
    assert saved is not None
    return saved


def publish(store: DefinitionStore, block: Block, newest: Version | None = None, at: int = BEGINNING) -> Version:
    return store.publish(ACME, draft(store, block), newest, at)


class TestDrafts:
    def test_a_saved_draft_is_found_and_a_later_one_takes_its_place(self, definitions):
        assert draft(definitions, FIRST) == version_of(FIRST, None, at=BEGINNING)
        assert draft(definitions, SECOND) == version_of(SECOND, None, at=BEGINNING)

    def test_there_is_none_before_one_is_saved_nor_in_another_account(self, definitions):
        draft(definitions, FIRST)

        assert definitions.draft(ACME, DefinitionKey("another")) is None
        assert definitions.draft(OTHER, ORDER) is None

    def test_one_that_no_item_holds_is_refused_and_nothing_is_written(self, world, definitions):
        with pytest.raises(TooLarge):
            definitions.save_draft(ACME, ORDER, {"blob": INCOMPRESSIBLE}, BEGINNING)

        assert world.rows("definitions") == []

    def test_are_listed_by_key_once_each_however_many_versions_there_are(self, definitions):
        for key in ("c", "a", "b"):
            saved = draft(definitions, FIRST, DefinitionKey(key))
            definitions.publish(ACME, saved, None, BEGINNING)
        draft(definitions, FIRST, DefinitionKey("d"), OTHER)
        snapshot = version_of(FIRST).snapshot

        listed = definitions.list(ACME, after=None, limit=2)

        assert listed == [DefinitionSummary(DefinitionKey(key), snapshot, BEGINNING) for key in ("a", "b")]
        assert [found.key for found in definitions.list(ACME, after="b", limit=2)] == ["c"]


class TestPublishing:
    def test_counts_versions_from_one_and_keeps_every_one(self, definitions, elsewhere):
        first = publish(definitions, FIRST)
        second = publish(definitions, SECOND, first, at=BEGINNING + 5)

        assert (first, second) == (version_of(FIRST, 1, at=BEGINNING), version_of(SECOND, 2, at=BEGINNING + 5))
        assert elsewhere.published(ACME, ORDER) == second
        assert [elsewhere.numbered(ACME, ORDER, number) for number in (1, 2, 3)] == [first, second, None]
        assert elsewhere.snapshot(ACME, ORDER, first.snapshot) == version_of(FIRST, None)

    def test_an_earlier_graph_again_is_a_version_more(self, definitions):
        first = publish(definitions, FIRST)
        second = publish(definitions, SECOND, first)

        third = publish(definitions, FIRST, second)

        assert (third.number, third.snapshot) == (3, first.snapshot)

    @pytest.mark.parametrize("newest", [None, 1])
    def test_is_refused_when_somebody_else_published_meanwhile_and_nothing_is_written(self, world, definitions, newest):
        seen = publish(definitions, FIRST) if newest else None
        faster = publish(another_process(definitions), SECOND, seen)
        mine = draft(definitions, THIRD)
        before = world.everything()

        with pytest.raises(PublishedMeanwhile):
            definitions.publish(ACME, mine, seen, BEGINNING)

        assert world.everything() == before
        assert definitions.published(ACME, ORDER) == faster

    def test_of_the_same_graph_twice_at_once_is_one_version(self, definitions, faults):
        mine = draft(definitions, FIRST)
        others = []
        faults.meanwhile(
            "dynamodb.TransactWriteItems", lambda: others.append(definitions.publish(ACME, mine, None, BEGINNING))
        )

        assert [definitions.publish(ACME, mine, None, BEGINNING)] == others


class TestLookingForMany:
    def test_the_newest_published_versions_are_read_in_one_call(self, definitions, elsewhere):
        first = publish(definitions, FIRST)
        second = publish(definitions, SECOND, first)
        draft(definitions, THIRD, DefinitionKey("draft"))
        draft(definitions, THIRD, account=OTHER)

        found = elsewhere.published_all(ACME, [ORDER, DefinitionKey("draft"), DefinitionKey("nobody's")])

        assert found == {ORDER: second}
        assert elsewhere.published_all(OTHER, [ORDER]) == {}

    def test_the_definitions_that_hold_a_graph_are_found_by_it(self, definitions):
        first = publish(definitions, FIRST)
        definitions.freeze(ACME, draft(definitions, FIRST, DefinitionKey("frozen")))
        draft(definitions, FIRST, DefinitionKey("draft"))

        assert definitions.holding(ACME, first.snapshot) == [DefinitionKey("frozen"), ORDER]
        assert definitions.holding(OTHER, first.snapshot) == []


class TestFreezing:
    def test_keeps_a_draft_s_graph_when_the_draft_goes_on(self, definitions, elsewhere):
        frozen = draft(definitions, FIRST)

        definitions.freeze(ACME, frozen)
        draft(definitions, SECOND)

        assert elsewhere.snapshot(ACME, ORDER, frozen.snapshot) == frozen

    def test_twice_is_once(self, world, definitions):
        frozen = draft(definitions, FIRST)
        definitions.freeze(ACME, frozen)
        before = world.everything()

        definitions.freeze(ACME, frozen)

        assert world.everything() == before

    def test_what_was_never_frozen_is_not_found(self, definitions, elsewhere):
        saved = draft(definitions, FIRST)

        assert elsewhere.snapshot(ACME, ORDER, saved.snapshot) is None
        assert elsewhere.snapshot(ACME, ORDER, SnapshotId("snap_unknown")) is None


class TestMemory:
    def test_a_graph_that_was_read_once_is_not_read_again(self, definitions, calls):
        published = publish(definitions, FIRST)
        calls.made.clear()

        assert definitions.snapshot(ACME, ORDER, published.snapshot) is not None
        assert calls.made == []

    def test_another_account_does_not_see_what_this_one_has_read(self, definitions):
        published = publish(definitions, FIRST)

        assert definitions.snapshot(OTHER, ORDER, published.snapshot) is None

    def test_what_was_used_longest_ago_is_forgotten_first(self, definitions, calls):
        blocks = [Call(f"call{n}") for n in range(KEPT_IN_MEMORY + 1)]
        for block in blocks[:-1]:
            definitions.freeze(ACME, draft(definitions, block))
        definitions.snapshot(ACME, ORDER, version_of(blocks[0]).snapshot)
        definitions.freeze(ACME, draft(definitions, blocks[-1]))
        calls.made.clear()

        for n in (0, 2, KEPT_IN_MEMORY):
            definitions.snapshot(ACME, ORDER, version_of(blocks[n]).snapshot)
        assert calls.made == []
        definitions.snapshot(ACME, ORDER, version_of(blocks[1]).snapshot)
        assert calls.made == ["dynamodb.GetItem"]

    def test_a_version_whose_graph_is_gone_is_no_version(self, world, definitions, elsewhere):
        publish(definitions, FIRST)
        for row in world.rows("definitions"):
            if "snapshot" in row:
                key = {"pk": row["pk"], "version": row["version"]}
                world.dynamodb.delete_item(TableName="reprise-definitions-test", Key=key)

        assert elsewhere.numbered(ACME, ORDER, 1) is None
