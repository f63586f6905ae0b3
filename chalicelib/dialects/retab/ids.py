"""Retab's ids: `run_` and `ver_` before the digits of ours. A workflow's id is the definition's key."""

import re
from uuid import UUID

from chalicelib.core.ids import RunId, SnapshotId
from chalicelib.core.refusals import RunNotFound
from chalicelib.core.versions import DraftVersion, NamedVersion, PublishedVersion, VersionChoice
from chalicelib.dialects.retab.refusals import VersionInvalid

_RUN = re.compile(r"run_([0-9a-f]{32})")
_VERSION = re.compile(r"(?:ver|snap)_([0-9a-f]{32})")


def write_run_id(run: RunId) -> str:
    return f"run_{run.replace('-', '')}"


def read_run_id(text: str) -> RunId:
    """Read a run's id; what cannot be one is as unknown as one that nobody has."""
    found = _RUN.fullmatch(text)
    if found is None:
        raise RunNotFound(RunId(text))
    return RunId(str(UUID(found[1])))


def write_version_id(snapshot: SnapshotId) -> str:
    return f"ver_{snapshot.removeprefix('snap_')}"


def read_version(given: str | None) -> VersionChoice:
    """Read which version a run is wanted on: `production` (if nothing is said), `draft`, or one by its id."""
    if given in (None, "production", "published"):
        return PublishedVersion()
    if given == "draft":
        return DraftVersion()
    found = _VERSION.fullmatch(str(given))
    if found is None:
        raise VersionInvalid
    return NamedVersion(SnapshotId(f"snap_{found[1]}"))
