"""The tables that can be asked, and what their columns hold (docs.restate.dev, references/sql-introspection; 1.7).

A row is a mapping from column names; a column that it lacks is NULL. Of a run's row, `target_service_name` is what
stands in `target` before the first `/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from chalicelib.core.json_values import Json

Row = Mapping[str, Json]


class Kind(Enum):
    """What a column holds. Times and durations are milliseconds in a row; of what is opaque, only NULL is known."""

    TEXT = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    TIME = auto()
    DURATION = auto()
    OPAQUE = auto()


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: Mapping[str, Kind]
    statuses: frozenset[str] = frozenset()
    """Every value that its column `status` can have."""


_IDENTITY = {
    "id": Kind.TEXT,
    "vqueue_id": Kind.TEXT,
    "target": Kind.TEXT,
    "target_service_name": Kind.TEXT,
    "target_service_key": Kind.TEXT,
    "target_handler_name": Kind.TEXT,
    "target_service_ty": Kind.TEXT,
    "scope": Kind.TEXT,
    "limit_key": Kind.TEXT,
    "idempotency_key": Kind.TEXT,
    "invoked_by": Kind.TEXT,
    "invoked_by_service_name": Kind.TEXT,
    "invoked_by_id": Kind.TEXT,
    "invoked_by_subscription_id": Kind.TEXT,
    "invoked_by_target": Kind.TEXT,
    "restarted_from": Kind.TEXT,
    "pinned_deployment_id": Kind.TEXT,
    "pinned_service_protocol_version": Kind.NUMBER,
    "trace_id": Kind.TEXT,
    "journal_size": Kind.NUMBER,
    "journal_commands_size": Kind.NUMBER,
    "created_at": Kind.TIME,
    "created_using_restate_version": Kind.TEXT,
    "modified_at": Kind.TIME,
    "inboxed_at": Kind.TIME,
    "scheduled_at": Kind.TIME,
    "scheduled_start_at": Kind.TIME,
    "running_at": Kind.TIME,
    "completed_at": Kind.TIME,
    "completion_retention": Kind.DURATION,
    "journal_retention": Kind.DURATION,
    "suspended_waiting_for_completions": Kind.OPAQUE,
    "suspended_waiting_for_signals": Kind.OPAQUE,
    "suspended_waiting_future_json": Kind.TEXT,
    "status": Kind.TEXT,
    "completion_result": Kind.TEXT,
    "completion_failure": Kind.TEXT,
}

INVOCATION = Table(
    "sys_invocation",
    {
        **_IDENTITY,
        "retry_count": Kind.NUMBER,
        "last_start_at": Kind.TIME,
        "next_retry_at": Kind.TIME,
        "last_attempt_deployment_id": Kind.TEXT,
        "last_attempt_server": Kind.TEXT,
        "last_failure": Kind.TEXT,
        "last_failure_error_code": Kind.TEXT,
        "last_failure_related_entry_index": Kind.NUMBER,
        "last_failure_related_entry_name": Kind.TEXT,
        "last_failure_related_entry_type": Kind.TEXT,
        "last_failure_related_command_index": Kind.NUMBER,
        "last_failure_related_command_name": Kind.TEXT,
        "last_failure_related_command_type": Kind.TEXT,
        "last_awaiting_on_future_json": Kind.TEXT,
    },
    frozenset({"scheduled", "pending", "ready", "running", "backing-off", "suspended", "paused", "completed"}),
)

INVOCATION_STATUS = Table(
    "sys_invocation_status",
    {
        "partition_key": Kind.NUMBER,
        **_IDENTITY,
        "output_journal_index": Kind.NUMBER,
        "completion_failure_code": Kind.NUMBER,
    },
    frozenset({"scheduled", "inboxed", "invoked", "suspended", "paused", "completed"}),
)

JOURNAL = Table(
    "sys_journal",
    {
        "partition_key": Kind.NUMBER,
        "id": Kind.TEXT,
        "index": Kind.NUMBER,
        "entry_type": Kind.TEXT,
        "name": Kind.TEXT,
        "completed": Kind.BOOLEAN,
        "invoked_id": Kind.TEXT,
        "invoked_target": Kind.TEXT,
        "sleep_wakeup_at": Kind.TIME,
        "promise_name": Kind.TEXT,
        "raw": Kind.OPAQUE,
        "version": Kind.NUMBER,
        "entry_json": Kind.TEXT,
        "entry_lite_json": Kind.TEXT,
        "appended_at": Kind.TIME,
    },
)

TABLES: Mapping[str, Table] = {table.name: table for table in (INVOCATION, INVOCATION_STATUS, JOURNAL)}
