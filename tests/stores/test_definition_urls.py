"""URLs of definitions: each leads to the one definition of its account that is published under it."""

from typing import Any

import pytest

from chalicelib.core.ids import AccountId, DefinitionKey
from chalicelib.core.versions import Version
from chalicelib.stores.definitions import DefinitionStore, PublishedMeanwhile, UrlTaken
from tests.graphs import Ask, Call, document
from tests.stores.faults import SILENCES
from tests.world import ACME, BEGINNING, ORDER, OTHER, World

A, B = "https://app.test/a", "https://app.test/b"
BILL = DefinitionKey("bill")
TRANSACT = "dynamodb.TransactWriteItems"


@pytest.fixture
def definitions(world: World) -> DefinitionStore:
    return world.services.definitions.store


def publish(
    store: DefinitionStore,
    url: str,
    key: DefinitionKey = ORDER,
    *,
    newest: Version | None = None,
    account: AccountId = ACME,
    block: Any = Call("first"),  # noqa: B008 - frozen
) -> Version:
    store.save_draft(account, key, {**document(block), **({"url": url} if url else {})}, BEGINNING)
    draft = store.draft(account, key)
    assert draft is not None
    return store.publish(account, draft, newest, BEGINNING)


def test_lead_to_what_was_published_and_not_to_a_draft(definitions):
    definitions.save_draft(ACME, BILL, {**document(Call("first")), "url": B}, BEGINNING)
    publish(definitions, A)

    assert (definitions.at_url(ACME, A), definitions.at_url(ACME, B)) == (ORDER, None)
    assert definitions.at_url(ACME, f"{A}/") is None


def test_are_each_accounts_own(definitions):
    publish(definitions, A)
    publish(definitions, A, BILL, account=OTHER)

    assert (definitions.at_url(ACME, A), definitions.at_url(OTHER, A)) == (ORDER, BILL)


def test_are_not_listed_as_definitions(definitions):
    publish(definitions, A)

    assert [summary.key for summary in definitions.list(ACME, after=None, limit=10)] == [ORDER]


def test_stay_with_every_later_version(definitions):
    first = publish(definitions, A)
    publish(definitions, A, newest=first, block=Ask("second"))

    assert definitions.at_url(ACME, A) == ORDER


@pytest.mark.parametrize("later", [B, ""], ids=["another", "none"])
def test_are_free_again_once_their_definition_has(definitions, later):
    first = publish(definitions, A)
    publish(definitions, later, newest=first)
    publish(definitions, A, BILL)

    assert definitions.at_url(ACME, A) == BILL
    assert definitions.at_url(ACME, B) == (ORDER if later else None)


def test_that_another_has_are_refused_and_nothing_is_written(world, definitions):
    publish(definitions, A)
    definitions.save_draft(ACME, BILL, {**document(Call("first")), "url": A}, BEGINNING)
    before = world.everything()

    with pytest.raises(UrlTaken) as taken:
        publish(definitions, A, BILL)

    assert taken.value.details == {"url": A}
    assert world.everything() == before


def test_of_one_that_somebody_else_published_meanwhile_stay_as_they_are(world, definitions):
    first = publish(definitions, A)
    publish(definitions, A, newest=first, block=Ask("second"))
    definitions.save_draft(ACME, ORDER, {**document(Call("first")), "url": B}, BEGINNING)
    before = world.everything()

    with pytest.raises(PublishedMeanwhile):
        publish(definitions, B, newest=first)

    assert world.everything() == before


def test_at_which_two_publish_at_once_are_one_s(definitions, faults):
    faults.meanwhile(TRANSACT, lambda: publish(definitions, A, BILL))

    with pytest.raises(UrlTaken):
        publish(definitions, A)

    assert definitions.at_url(ACME, A) == BILL
    assert definitions.published(ACME, ORDER) is None


def test_are_published_once_though_the_answer_was_lost(definitions, faults):
    faults.lose(TRANSACT, [SILENCES[1]])

    publish(definitions, A)

    assert definitions.at_url(ACME, A) == ORDER
