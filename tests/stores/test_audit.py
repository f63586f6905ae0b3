"""A change and its record are one transaction: both take place, or neither."""

from dataclasses import replace

import pytest

from chalicelib.core.audit import Asked, AuditFilter, Thing
from chalicelib.core.ids import AccountId
from chalicelib.stores.audit import AuditStore
from chalicelib.stores.audit_records import leaving
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.tables import AccountRow, AppRow
from tests.world import World

ACME = AccountId("acme")
SETTINGS = AccountRow("acme", document=b"")
IS_NEW = AppRow.pk.does_not_exist()


def app(name: str) -> AppRow:
    return AppRow(f"acme#{name}", "app", document=b"", at=0)


@pytest.fixture
def audit(world: World) -> AuditStore:
    return world.services.audit.store


@pytest.fixture
def store_calls(audit: AuditStore) -> Calls:
    return audit.calls


@pytest.fixture
def asked(world: World) -> Asked:
    return Asked("request", world.clock(), ACME, "key", "ops", "POST /", {}, None, "")


def told(audit: AuditStore) -> list[tuple[int, list[Thing]]]:
    page = audit.page(ACME, AuditFilter(), before=None, limit=50)
    return [(record.number, [*record.things]) for record in reversed(page.items)]


def test_what_is_refused_has_no_record_and_its_reasons_are_its_own(audit, store_calls, asked):
    store_calls.save(app("b"))

    with audit.recorded(asked), pytest.raises(Refused) as refused:
        store_calls.transact(lambda to: [to.save(app(name), IS_NEW) for name in "ab"], "token")

    assert refused.value.reasons == (None, "ConditionalCheckFailed")
    assert told(audit) == []


def test_each_transaction_has_one_and_names_each_thing_once(audit, store_calls, asked):
    with audit.recorded(asked):
        store_calls.save(SETTINGS)
        store_calls.transact(lambda to: [to.save(app("a")), to.delete(app("b")), to.save(app("a/2"))], "token")
        store_calls.delete(app("a"), AppRow.pk.exists())

    assert told(audit) == [
        (1, [Thing("account", "acme")]),
        (2, [Thing("app", "a"), Thing("app", "b"), Thing("app", "a/2")]),
        (3, [Thing("app", "a")]),
    ]


@pytest.mark.parametrize(("names", "numbers"), [("ab", [1, 2]), ("aa", [1])])
def test_a_request_that_comes_twice_is_told_of_as_often_as_it_does_something(audit, store_calls, asked, names, numbers):
    for name in names:
        with audit.recorded(asked):
            store_calls.save(app(name))

    assert [number for number, _ in told(audit)] == numbers


def test_a_record_that_is_there_is_not_taken_for_a_refusal(audit, store_calls, asked):
    for row, is_accepted in ((app("a"), True), (app("b"), True), (app("a"), False)):
        with audit.recorded(asked if is_accepted else replace(asked, id="later")):
            assert store_calls.updates(row, [AppRow.at.set(1)], IS_NEW) == is_accepted


def test_what_happens_in_nobodys_name_has_none(audit, store_calls, asked):
    with audit.recorded(asked), leaving(None):
        store_calls.save(SETTINGS)

    assert told(audit) == []
