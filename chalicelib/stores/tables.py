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

SUMMARY = [
    "account",
    "run_id",
    "alias",
    "url",
    "definition_key",
    "version",
    "snapshot_id",
    "status",
    "business_key",
    "labels",
    "created_at",
    "started_at",
    "ended_at",
    "updated_at",
    "root_id",
    "source_id",
    "attempt",
    "cause",
    "error",
    "dead_letter_id",
    "journal_length",
    "waiting_for",
    "type",
    "line",
    "start",
    "tries",
    "not_before",
    "gone_at",
    "journal_gone_at",
]
"""What a list shows of a run: an index holds this much of it, and no payload."""


class ByDefinition(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_definition"
        projection = IncludeProjection(SUMMARY)

    definition_shard = UnicodeAttribute(hash_key=True)
    created = UnicodeAttribute(range_key=True)


class ByAccount(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by_account"
        projection = IncludeProjection(SUMMARY)

    account_shard = UnicodeAttribute(hash_key=True)
    created = UnicodeAttribute(range_key=True)


class ByRoot(GlobalSecondaryIndex[Any]):
    """A run and everything that was restarted from it, at any remove."""

    class Meta:
        index_name = "by_root"
        projection = IncludeProjection(SUMMARY)

    root = UnicodeAttribute(hash_key=True)
    created = UnicodeAttribute(range_key=True)


class Due(GlobalSecondaryIndex[Any]):
    """Sparse: only runs that somebody must look at again."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    wake_at = NumberAttribute(range_key=True)


class HeadRow(Model):
    """What a head holds, and a dead letter too, which is a head as it stood when its run failed."""

    pk = UnicodeAttribute(hash_key=True)
    account = UnicodeAttribute()
    run_id = UnicodeAttribute()
    alias = UnicodeAttribute(null=True)
    url = UnicodeAttribute(null=True)
    definition_key = UnicodeAttribute()
    snapshot_id = UnicodeAttribute()
    version = NumberAttribute(null=True)
    status = UnicodeAttribute()
    business_key = UnicodeAttribute(null=True)
    type = UnicodeAttribute(null=True)
    line = UnicodeAttribute(null=True)
    labels = ListAttribute(of=UnicodeAttribute, null=True)
    created_at = NumberAttribute()
    updated_at = NumberAttribute()
    started_at = NumberAttribute(null=True)
    ended_at = NumberAttribute(null=True)
    root_id = UnicodeAttribute()
    source_id = UnicodeAttribute(null=True)
    attempt = NumberAttribute()
    cause = BinaryAttribute(legacy_encoding=False)
    error = BinaryAttribute(null=True, legacy_encoding=False)
    dead_letter_id = UnicodeAttribute(null=True)
    callback = BinaryAttribute(null=True, legacy_encoding=False)
    journal_length = NumberAttribute()
    request_hash = UnicodeAttribute()
    input = BinaryAttribute(legacy_encoding=False)
    variables = BinaryAttribute(null=True, legacy_encoding=False)
    start = BinaryAttribute(legacy_encoding=False)
    overrides = BinaryAttribute(legacy_encoding=False)
    tries = BinaryAttribute(null=True, legacy_encoding=False)
    revision = NumberAttribute()
    claims = NumberAttribute()
    lease_owner = UnicodeAttribute(null=True)
    lease_until = NumberAttribute(null=True)
    not_before = NumberAttribute(null=True)
    wake_at = NumberAttribute(null=True)
    waiting_for = UnicodeSetAttribute(null=True)
    waiting_since = NumberAttribute(null=True)
    waited_ms = NumberAttribute(null=True)
    retention = BinaryAttribute(null=True, legacy_encoding=False)
    gone_at = NumberAttribute(null=True)  # ms: from then on nobody is shown the run, or its journal
    journal_gone_at = NumberAttribute(null=True)


class RunRow(HeadRow):
    """`expires_at` (s) stands where the head is all that is left of a run: DynamoDB removes it some time after."""

    class Meta:
        table_name = "runs"

    definition_shard = UnicodeAttribute()
    account_shard = UnicodeAttribute()
    root = UnicodeAttribute()
    created = UnicodeAttribute()
    due_shard = UnicodeAttribute(null=True)
    writer = UnicodeAttribute()
    expires_at = NumberAttribute(null=True)

    by_definition = ByDefinition()
    by_account = ByAccount()
    by_root = ByRoot()
    due = Due()


class JournalRow(Model):
    """One or more entries that were written together; `index` is the first one's."""

    class Meta:
        table_name = "journal"

    pk = UnicodeAttribute(hash_key=True)
    index = NumberAttribute(range_key=True)
    entries = BinaryAttribute(legacy_encoding=False)
    writer = UnicodeAttribute()


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
