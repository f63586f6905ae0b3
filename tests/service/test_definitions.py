"""Use cases of definitions: what is saved, what is published, which version a choice means."""

import pytest

from chalicelib.core.definition_documents import DefinitionInvalid
from chalicelib.core.errors import TooLarge
from chalicelib.core.ids import DefinitionKey
from chalicelib.core.refusals import DefinitionNotFound, NothingPublished, VersionNotFound
from chalicelib.core.versions import DraftVersion, NamedVersion, PublishedVersion, SameVersion, snapshot_id
from chalicelib.service.definitions import Definitions
from chalicelib.stores.definitions import PublishedMeanwhile
from tests.graphs import Ask, Call, document, steps
from tests.service.stories import begun, go_cold
from tests.stores.test_packing import INCOMPRESSIBLE
from tests.world import ACME, BEGINNING, ORDER, OTHER, World

FIRST, SECOND = document(Call("first")), document(Ask("second"))


@pytest.fixture
def definitions(world: World) -> Definitions:
    return world.services.definitions


class TestSaving:
    def test_names_the_draft_by_its_content(self, definitions):
        assert definitions.save_draft(ACME, ORDER, FIRST) == snapshot_id(FIRST)

        assert definitions.draft(ACME, ORDER).definition.document == FIRST

    def test_refuses_a_document_that_is_no_definition_and_keeps_the_draft_as_it_was(self, world, definitions):
        definitions.save_draft(ACME, ORDER, FIRST)
        before = world.everything()

        with pytest.raises(DefinitionInvalid):
            definitions.save_draft(ACME, ORDER, {"activities": [], "transitions": []})

        assert world.everything() == before

    def test_refuses_a_definition_that_is_larger_than_what_is_kept(self, world, definitions):
        with pytest.raises(TooLarge):
            definitions.save_draft(ACME, ORDER, document(Call("work", {"name": INCOMPRESSIBLE})))

        assert world.rows("definitions") == []

    def test_lists_what_was_saved(self, definitions):
        definitions.save_draft(ACME, ORDER, FIRST)
        definitions.save_draft(ACME, DefinitionKey("invoice"), SECOND)

        listed = definitions.list(ACME, after=None, limit=10)

        assert [(one.key, one.draft) for one in listed] == [
            (DefinitionKey("invoice"), snapshot_id(SECOND)),
            (ORDER, snapshot_id(FIRST)),
        ]
        assert definitions.list(OTHER, after=None, limit=10) == []


class TestPublishing:
    def test_counts_versions(self, world, definitions):
        definitions.save_draft(ACME, ORDER, FIRST)
        assert (definitions.publish(ACME, ORDER).number, definitions.publish(ACME, ORDER).at) == (1, BEGINNING)
        definitions.save_draft(ACME, ORDER, SECOND)

        world.clock.advance(5)

        second = definitions.publish(ACME, ORDER)
        assert (second.number, second.snapshot, second.at) == (2, snapshot_id(SECOND), BEGINNING + 5)

    def test_of_the_same_graph_again_changes_nothing(self, world, definitions):
        definitions.save_draft(ACME, ORDER, FIRST)
        first = definitions.publish(ACME, ORDER)
        before = world.everything()
        world.clock.advance(5)

        assert definitions.publish(ACME, ORDER) == first
        assert world.everything() == before

    def test_needs_a_draft(self, definitions):
        with pytest.raises(DefinitionNotFound):
            definitions.publish(ACME, ORDER)

    def test_of_two_at_once_is_refused_to_one(self, definitions, faults):
        definitions.save_draft(ACME, ORDER, FIRST)

        def somebody_else() -> None:
            definitions.save_draft(ACME, ORDER, SECOND)
            definitions.publish(ACME, ORDER)

        faults.meanwhile("dynamodb.TransactWriteItems", somebody_else)

        with pytest.raises(PublishedMeanwhile):
            definitions.publish(ACME, ORDER)
        assert definitions.find(ACME, ORDER, PublishedVersion()).snapshot == snapshot_id(SECOND)


class TestFinding:
    @pytest.fixture(autouse=True)
    def published(self, definitions):
        definitions.save_draft(ACME, ORDER, FIRST)
        definitions.publish(ACME, ORDER)
        definitions.save_draft(ACME, ORDER, SECOND)

    @pytest.mark.parametrize(
        ("choice", "document", "number"),
        [
            (PublishedVersion(), FIRST, 1),
            (DraftVersion(), SECOND, None),
            (NamedVersion(1), FIRST, 1),
            (NamedVersion(snapshot_id(FIRST)), FIRST, None),
        ],
        ids=["published", "draft", "number", "snapshot"],
    )
    def test_a_choice_means_one_version(self, world, choice, document, number):
        for _ in range(2):
            found = world.services.definitions.find(ACME, ORDER, choice)

            assert (found.definition.document, found.snapshot, found.number) == (
                document,
                snapshot_id(document),
                number,
            )
            go_cold(world)

    def test_the_same_version_is_the_one_that_the_source_runs_on(self, world, definitions):
        run = world.start()
        definitions.publish(ACME, ORDER)

        found = definitions.find(ACME, ORDER, SameVersion(), run)

        assert (found.snapshot, found.number) == (run.snapshot, 1)

    @pytest.mark.parametrize("choice", [NamedVersion(2), NamedVersion(snapshot_id(SECOND))], ids=["number", "snapshot"])
    def test_a_version_that_was_never_published_nor_frozen_is_not_found(self, world, choice):
        go_cold(world)

        with pytest.raises(VersionNotFound):
            world.services.definitions.find(ACME, ORDER, choice)

    def test_nothing_published_is_another_refusal_than_an_unknown_definition(self, definitions):
        invoice, unknown = DefinitionKey("invoice"), DefinitionKey("unknown")
        definitions.save_draft(ACME, invoice, FIRST)

        with pytest.raises(NothingPublished):
            definitions.find(ACME, invoice, PublishedVersion())
        with pytest.raises(DefinitionNotFound):
            definitions.find(ACME, unknown, PublishedVersion())
        with pytest.raises(DefinitionNotFound):
            definitions.find(OTHER, ORDER, PublishedVersion())


def test_only_a_draft_is_frozen(world, calls):
    run = begun(world, steps(Call("work")))
    definitions = world.services.definitions
    calls.made.clear()

    definitions.freeze(ACME, definitions.of(run), SameVersion())
    assert calls.made == []
    definitions.freeze(ACME, definitions.of(run), DraftVersion())
    assert calls.made == ["dynamodb.PutItem"]


class TestDeploying:
    def test_makes_a_new_version_each_time_and_one_for_each_origin(self, definitions):
        made = [definitions.deploy(ACME, ORDER, FIRST, origin=origin) for origin in ("d-1", "d-1", "d-2")]

        assert [(version.number, version.origin) for version in made] == [(1, "d-1"), (1, "d-1"), (2, "d-2")]
        listed = definitions.published_versions(ACME, ORDER, limit=10)
        assert [(version.number, version.origin) for version in listed] == [(2, "d-2"), (1, "d-1")]

    def test_keeps_the_origin_with_a_version_and_not_with_its_graph(self, world, definitions):
        definitions.deploy(ACME, ORDER, FIRST, origin="d-1")
        snapshot = snapshot_id(FIRST)
        go_cold(world)
        cold = world.services.definitions

        assert cold.find(ACME, ORDER, NamedVersion(1)).origin == "d-1"
        assert cold.find(ACME, ORDER, PublishedVersion()).origin == "d-1"
        assert cold.find(ACME, ORDER, NamedVersion(snapshot)).origin is None

    def test_refuses_a_document_that_is_no_definition_and_writes_nothing(self, world, definitions):
        before = world.everything()

        with pytest.raises(DefinitionInvalid):
            definitions.deploy(ACME, ORDER, {"activities": [], "transitions": []}, origin="d-1")

        assert world.everything() == before
