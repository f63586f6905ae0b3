"""Versions of a definition: a draft that may change, published ones that never do.

A snapshot id names a graph by its content, so the same graph is the same snapshot wherever it stands.
"""

from dataclasses import dataclass

from chalicelib.core.definitions import Definition
from chalicelib.core.ids import DefinitionKey, SnapshotId, digest
from chalicelib.core.json_values import Json
from chalicelib.core.retention import Retention


@dataclass(frozen=True, slots=True)
class Version:
    """One graph under a key. `number` counts published versions from 1; a frozen draft has none.

    `origin` is the deployment that published it; `settled` how long its runs are kept by now, whatever its document
    says, as far as it was read with it.
    """

    key: DefinitionKey
    snapshot: SnapshotId
    definition: Definition
    number: int | None = None
    at: int = 0
    origin: str | None = None
    settled: Retention | None = None

    @property
    def retention(self) -> Retention:
        """Answer for how long its new runs are kept."""
        return self.settled or self.definition.retention


@dataclass(frozen=True, slots=True)
class PublishedAs:
    """A published version by its number, without its graph; `at` is when (ms)."""

    number: int
    snapshot: SnapshotId
    at: int
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class SameVersion:
    """The version that the source ran on."""


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """The newest published version."""


@dataclass(frozen=True, slots=True)
class DraftVersion:
    """The draft as it stands now, frozen."""


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """One version, by its number or its snapshot id."""

    name: int | SnapshotId


VersionChoice = SameVersion | PublishedVersion | DraftVersion | NamedVersion


def snapshot_id(document: Json) -> SnapshotId:
    """Name a definition's document by its content."""
    return SnapshotId(f"snap_{digest(document)[:32]}")
