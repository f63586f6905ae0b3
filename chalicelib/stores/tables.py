"""The tables as PynamoDB sees them. What each key means is design, and stands in docs/architecture.md, Data.

Partition keys begin with the account, so a reader of one account cannot even name another's row. Lists are
read from indexes that are sharded by a constant; `created` sorts them: thirteen digits of milliseconds, `#`, the
run's id, so that every position is unique.
"""

from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    NumberSetAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.connection import Connection
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib.stores.run_tables import HeadRow, JournalRow, RunRow

URL = "url"  # the version of a definition's row that says whose a URL is


class BySnapshot(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_snapshot"
        projection = KeysOnlyProjection()

    snapshot = UnicodeAttribute(hash_key=True)


class DefinitionsByAccount(GlobalSecondaryIndex[Any]):
    """Sparse: one row for each definition, its draft's."""

    class Meta:
        index_name = "by_account"
        projection = IncludeProjection(["snapshot_id", "at"])

    account = UnicodeAttribute(hash_key=True)
    key = UnicodeAttribute(range_key=True)


class DefinitionRow(Model):
    class Meta:
        table_name = "definitions"

    pk = UnicodeAttribute(hash_key=True)
    version = UnicodeAttribute(range_key=True)
    snapshot_id = UnicodeAttribute()
    number = NumberAttribute(null=True)
    document = BinaryAttribute(null=True, legacy_encoding=False)
    retention = BinaryAttribute(null=True, legacy_encoding=False)
    at = NumberAttribute()
    origin = UnicodeAttribute(null=True)
    snapshot = UnicodeAttribute(null=True)
    account = UnicodeAttribute(null=True)
    key = UnicodeAttribute(null=True)

    by_snapshot = BySnapshot()
    by_account = DefinitionsByAccount()


class Live(GlobalSecondaryIndex[Any]):
    """Sparse: dead letters that no restart has consumed."""

    class Meta:
        index_name = "live"
        projection = AllProjection()

    live_shard = UnicodeAttribute(hash_key=True)
    dead_letter_id = UnicodeAttribute(range_key=True)


class DeadLetterRow(HeadRow):
    """`expires_at` is in seconds: DynamoDB removes the row some time after, and nobody is shown it from then on."""

    class Meta:
        table_name = "dead-letters"

    live_shard = UnicodeAttribute(null=True)
    at = NumberAttribute()
    expires_at = NumberAttribute()
    consumed_by = UnicodeAttribute(null=True)
    consumed_on = UnicodeAttribute(null=True)

    live = Live()


class KeysByAccount(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_account"
        projection = AllProjection()

    account = UnicodeAttribute(hash_key=True)
    key_id = UnicodeAttribute(range_key=True)


class KeyRow(Model):
    class Meta:
        table_name = "keys"

    pk = UnicodeAttribute(hash_key=True)
    account = UnicodeAttribute()
    key_id = UnicodeAttribute()
    name = UnicodeAttribute()
    scopes = UnicodeSetAttribute()
    environment = UnicodeAttribute()
    created_at = NumberAttribute()
    expires_at = NumberAttribute(null=True)
    is_disabled = BooleanAttribute()

    by_account = KeysByAccount()


class AccountRow(Model):
    """What an account has settled for itself."""

    class Meta:
        table_name = "accounts"

    pk = UnicodeAttribute(hash_key=True)
    document = BinaryAttribute(legacy_encoding=False)


class SlotRow(Model):
    """A part of what runs with one flow-control key share; `expires_at` (s) lets it go when nobody has.

    Or what runs of a definition with one business key share: that stands until it is given back.
    """

    class Meta:
        table_name = "slots"

    pk = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    holder = UnicodeAttribute(null=True)
    until = NumberAttribute(null=True)
    most = NumberAttribute(null=True)
    rates = NumberSetAttribute(null=True)
    begun = NumberAttribute(null=True)
    refused = NumberAttribute(null=True)
    line = ListAttribute(of=UnicodeAttribute, null=True)
    expires_at = NumberAttribute(null=True)


class BatchesByAccount(GlobalSecondaryIndex[Any]):
    """Sparse: heads alone, of those that anybody is shown."""

    class Meta:
        index_name = "by_account"
        projection = AllProjection()

    account_shard = UnicodeAttribute(hash_key=True)
    created = UnicodeAttribute(range_key=True)


class BatchesDue(GlobalSecondaryIndex[Any]):
    """Sparse: heads of batches that somebody must look at again."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    wake_at = NumberAttribute(range_key=True)


class BatchRow(Model):
    """A batch (`part` is `head`), its sources (`sources#…`), its jobs (`job#…`) and their log (`log#…`)."""

    class Meta:
        table_name = "batches"

    pk = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    document = BinaryAttribute(null=True, legacy_encoding=False)
    jobs_created = NumberAttribute(null=True)
    is_suspended = BooleanAttribute(null=True)
    is_hidden = BooleanAttribute(null=True)
    is_deleted = BooleanAttribute(null=True)
    remaining = NumberAttribute(null=True)
    writer = UnicodeAttribute(null=True)
    seeded_at = NumberAttribute(null=True)
    started_at = NumberAttribute(null=True)
    ended_at = NumberAttribute(null=True)
    retries = NumberAttribute(null=True)
    done = NumberAttribute(null=True)
    failures = NumberAttribute(null=True)
    failure = BinaryAttribute(null=True, legacy_encoding=False)
    failed_at = NumberAttribute(null=True)
    account_shard = UnicodeAttribute(null=True)
    created = UnicodeAttribute(null=True)
    due_shard = UnicodeAttribute(null=True)
    wake_at = NumberAttribute(null=True)

    by_account = BatchesByAccount()
    due = BatchesDue()


class AppRow(Model):
    """An app and its policy (`part` is `app`), and its builds (`build#…`), side by side."""

    class Meta:
        table_name = "apps"

    pk = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    document = BinaryAttribute(legacy_encoding=False)
    at = NumberAttribute()


class DeploymentRow(Model):
    """An account's deployments (`part` is `head#…`), their files (`file#…`), and versions that are suspended."""

    class Meta:
        table_name = "deployments"

    pk = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    document = BinaryAttribute(legacy_encoding=False)
    at = NumberAttribute()


class AuditRow(Model):
    """What one transaction did, and who asked for it; `expires_at` in seconds."""

    class Meta:
        table_name = "audit"

    pk = UnicodeAttribute(hash_key=True)
    position = UnicodeAttribute(range_key=True)
    document = BinaryAttribute(legacy_encoding=False)
    expires_at = NumberAttribute()


_TABLES: dict[type[Model], str] = {
    RunRow: "runs",
    JournalRow: "journal",
    DefinitionRow: "definitions",
    DeadLetterRow: "dead-letters",
    KeyRow: "keys",
    AppRow: "apps",
    DeploymentRow: "deployments",
    AccountRow: "accounts",
    SlotRow: "slots",
    BatchRow: "batches",
    AuditRow: "audit",
}


def connect(stage: str, region: str) -> Connection:
    """Give every table one shared connection, and answer it.

    PynamoDB would give each model a session and a client of its own, 65-110 ms of cold start each.
    """
    shared = Connection(
        region=region,
        connect_timeout_seconds=1,
        read_timeout_seconds=3,
        retry_configuration={"total_max_attempts": 3, "mode": "standard"},
        max_pool_connections=32,
    )
    for model, name in _TABLES.items():
        model.Meta.table_name = f"reprise-{name}-{stage}"
        model._connection = None  # noqa: SLF001 - PynamoDB has no public way to share a connection
        table = model._get_connection()  # noqa: SLF001 - see above
        shared.add_meta_table(table.get_meta_table())
        table.connection = shared
    return shared
