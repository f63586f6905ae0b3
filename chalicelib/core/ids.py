"""Names of things, and ids that follow from what caused them.

A derived id is the idempotency key: the same cause gives the same id, so a repeat meets its own first
write (docs/decisions/0003-the-id-is-the-idempotency-key.md).
"""

import hashlib
from typing import NewType
from uuid import UUID, uuid5

from chalicelib.core.json_values import Json, canonical_json

AccountId = NewType("AccountId", str)
RunId = NewType("RunId", str)
DefinitionKey = NewType("DefinitionKey", str)
SnapshotId = NewType("SnapshotId", str)
ActivityId = NewType("ActivityId", str)
TransitionId = NewType("TransitionId", str)
DeadLetterId = NewType("DeadLetterId", str)

_NAMESPACE = UUID("6f6a2d1e-3a0c-5d6e-9d57-3f0f5c7a1b42")


def derived_uuid(*cause: str) -> str:
    """Make the one UUID that follows from these words, in this order."""
    return str(uuid5(_NAMESPACE, canonical_json(list(cause)).decode()))


def aliased_run_id(account: AccountId, alias: str) -> RunId:
    """Name the run for which a client chose this name."""
    return RunId(derived_uuid(account, "alias", alias))


def digest(value: Json) -> str:
    """Name a value by its content: SHA-256 of its canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def dead_letter_id(at: int, run_id: RunId) -> DeadLetterId:
    """Name the dead letter of a run that failed at this time (ms), so that ids sort by time."""
    return DeadLetterId(f"{at:013d}-{run_id}")
