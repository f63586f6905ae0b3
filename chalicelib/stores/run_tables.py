"""The tables of runs and journals as PynamoDB sees them; how they are made is told with the others (tables.py)."""

from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

SUMMARY = [
    "account",
    "run_id",
    "definition_key",
    "version",
    "snapshot_id",
    "status",
    "business_key",
    "labels",
    "started_at",
    "ended_at",
    "source_id",
    "attempt",
    "dead_letter_id",
    "journal_length",
    "waiting_for",
    "line",
    "not_before",
    "gone_at",
    "journal_gone_at",
    "told",
]
"""What a list shows of a run: an index holds this much of it, and no payload. DynamoDB takes twenty at most."""


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
    definition_key = UnicodeAttribute()
    snapshot_id = UnicodeAttribute()
    version = NumberAttribute(null=True)
    status = UnicodeAttribute()
    business_key = UnicodeAttribute(null=True)
    line = UnicodeAttribute(null=True)
    is_of_many = BooleanAttribute(null=True)
    labels = ListAttribute(of=UnicodeAttribute, null=True)
    created_at = NumberAttribute()
    started_at = NumberAttribute(null=True)
    ended_at = NumberAttribute(null=True)
    source_id = UnicodeAttribute(null=True)
    attempt = NumberAttribute()
    dead_letter_id = UnicodeAttribute(null=True)
    told = BinaryAttribute(legacy_encoding=False)  # what lists show of it beside, packed
    callback = BinaryAttribute(null=True, legacy_encoding=False)
    journal_length = NumberAttribute()
    request_hash = UnicodeAttribute()
    input = BinaryAttribute(legacy_encoding=False)
    variables = BinaryAttribute(null=True, legacy_encoding=False)
    overrides = BinaryAttribute(legacy_encoding=False)
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
