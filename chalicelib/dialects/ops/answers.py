"""What our own dialect answers about anything but runs (run_answers.py, journal_answers.py).

A field that has no value is null, never left out. Times are ISO 8601 (times.py).
"""

from typing import Any, Literal

import msgspec

from chalicelib.core import access, dead_letters, journal, versions
from chalicelib.core.access import Scope
from chalicelib.core.ids import DefinitionKey, SnapshotId
from chalicelib.dialects.times import write_time, write_time_or_none


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What we answer."""


class Problem(Shape, frozen=True):
    code: str
    message: str
    details: dict[str, Any]


class Error(Shape, frozen=True):
    """Why nothing was done."""

    error: Problem


class Health(Shape, frozen=True):
    status: Literal["ok"] = "ok"


# -- definitions


class Draft(Shape, frozen=True):
    snapshot_id: str


class DraftSaved(Shape, frozen=True):
    key: str
    draft: Draft


class Published(Shape, frozen=True):
    key: str
    version: int | None
    snapshot_id: str
    published_at: str


class DefinitionListed(Shape, frozen=True):
    key: str
    draft: Draft
    updated_at: str


class DefinitionList(Shape, frozen=True):
    definitions: list[DefinitionListed]
    next_cursor: str | None


class Definition(Shape, frozen=True):
    """One version. `state` says how it was found: a snapshot that is asked for by its id has no number and no time."""

    key: str
    type: Literal["service", "object", "workflow"]
    state: Literal["published", "draft", "snapshot"]
    version: int | None
    snapshot_id: str
    at: str | None
    document: dict[str, Any]


def write_published(version: versions.Version) -> Published:
    return Published(
        key=version.key,
        version=version.number,
        snapshot_id=version.snapshot,
        published_at=write_time(version.at),
    )


def write_listed(key: DefinitionKey, draft: SnapshotId, updated_at: int) -> DefinitionListed:
    return DefinitionListed(key=key, draft=Draft(snapshot_id=draft), updated_at=write_time(updated_at))


def write_definition(version: versions.Version, state: Literal["published", "draft", "snapshot"]) -> Definition:
    return Definition(
        key=version.key,
        type=version.definition.type.value,
        state=state,
        version=version.number,
        snapshot_id=version.snapshot,
        at=None if state == "snapshot" else write_time(version.at),
        document=version.definition.document,
    )


# -- dead letters


class Failure(Shape, frozen=True):
    element: str
    code: str
    message: str


class DeadLetter(Shape, frozen=True):
    id: str
    run_id: str
    definition: str
    failure: Failure
    at: str
    business_key: str | None
    labels: list[str]


class DeadLetterList(Shape, frozen=True):
    dead_letters: list[DeadLetter]
    next_cursor: str | None


def write_failure(failure: journal.Failure) -> Failure:
    return Failure(element=failure.element, code=failure.code, message=failure.message)


def write_failure_or_none(failure: journal.Failure | None) -> Failure | None:
    return None if failure is None else write_failure(failure)


def write_dead_letter(letter: dead_letters.DeadLetter) -> DeadLetter:
    return DeadLetter(
        id=letter.id,
        run_id=letter.run.id,
        definition=letter.run.definition,
        failure=write_failure(letter.failure),
        at=write_time(letter.at),
        business_key=letter.run.business_key,
        labels=list(letter.run.labels),
    )


# -- keys


class Key(Shape, frozen=True):
    id: str
    name: str
    scopes: list[Scope]
    environment: str
    created_at: str
    expires_at: str | None
    is_disabled: bool


class NewKey(Key, frozen=True):
    """A key with its secret, `key`, which nobody can be told again."""

    key: str


class KeyList(Shape, frozen=True):
    keys: list[Key]


def write_key(key: access.ApiKey) -> Key:
    return Key(
        id=key.id,
        name=key.name,
        scopes=[scope for scope in Scope if scope in key.scopes],
        environment=key.environment,
        created_at=write_time(key.created_at),
        expires_at=write_time_or_none(key.expires_at),
        is_disabled=key.is_disabled,
    )


def write_new_key(key: access.ApiKey, secret: str) -> NewKey:
    return NewKey(**msgspec.structs.asdict(write_key(key)), key=secret)
