"""What Retab's clients send. What a shape does not name is passed over, as FastAPI does."""

import mimetypes
from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from chalicelib.core.json_values import Variables

MAX_METADATA = 50
MAX_LIMIT = 100
_TYPE = "application/octet-stream"

Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^=]+$")]
Words = Annotated[str, Meta(max_length=512)]
Metadata = Annotated[dict[Word, Words], Meta(max_length=MAX_METADATA)]
Id = Annotated[str, Meta(min_length=1, max_length=255)]
Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT)]
Ms = Annotated[int, Meta(ge=0)]


class Restart(msgspec.Struct, frozen=True):
    """`config_source`: the version that is published now, or the draft. An empty `command_id` is none."""

    config_source: Literal["published", "draft"] | None = None
    command_id: Annotated[str, Meta(max_length=255)] | None = None


class Document(msgspec.Struct, frozen=True):
    """A file as the SDK sends it: its content, or where it is, is the URL."""

    filename: Annotated[str, Meta(min_length=1, max_length=512)]
    url: Annotated[str, Meta(min_length=1)]
    id: str | None = None
    mime_type: str | None = None


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    documents: dict[Id, Document] | None = None
    json_inputs: dict[Id, Any] | None = None
    version: str | None = None
    metadata: Metadata | None = None


class Create(Inputs, frozen=True, kw_only=True):
    """A run of a workflow (SDK 0.0.143 and later); the CLI names the run that it restarts."""

    workflow_id: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.\-\[\]()]+$")]
    trigger_type: Literal["api", "manual", "restart"] | None = None
    parent_run_id: str | None = None


class Cancel(msgspec.Struct, frozen=True):
    command_id: str | None = None


class Publish(msgspec.Struct, frozen=True):
    description: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """What a person decided at a block that waited for one."""

    block_id: Id
    approved: bool
    modified_data: dict[str, Any] | None = None
    command_id: str | None = None

    @property
    def variables(self) -> Variables:
        return {"approved": self.approved, "modified_data": self.modified_data}


class RunQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are listed, under the names of all eras. Several statuses and triggers may come, with commas too.

    `metadata` is a JSON object of texts; `fields` are the members of a run that are wanted.
    """

    workflow_id: str | None = None
    status: str | None = None
    statuses: str | None = None
    exclude_status: str | None = None
    trigger_type: str | None = None
    trigger_types: str | None = None
    from_date: date | None = None
    to_date: date | None = None
    min_duration: Ms | None = None
    max_duration: Ms | None = None
    min_duration_ms: Ms | None = None
    max_duration_ms: Ms | None = None
    search: str | None = None
    metadata: str | None = None
    fields: str | None = None
    sort_by: Literal["created_at", "timing.created_at"] | None = None
    order: Literal["asc", "desc"] = "desc"
    before: str | None = None
    after: str | None = None
    limit: Limit = 20


class StepQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which steps of a run are listed; without `run_id` none can be."""

    run_id: str | None = None
    block_id: str | None = None
    step_id: str | None = None
    status: str | None = None
    before: str | None = None
    after: str | None = None
    limit: Limit = 20


class OfRun(msgspec.Struct, frozen=True):
    """Which run's step is meant."""

    run_id: str | None = None


def read_input(inputs: Inputs) -> Variables:
    """Answer the variables that a run begins with: its documents and its data, by start block."""
    documents: Variables = {block: _reference(document) for block, document in (inputs.documents or {}).items()}
    return {"documents": documents, "json_data": inputs.json_inputs or {}}


def _reference(document: Document) -> Variables:
    """Keep a document with the reference that clients read: an id, a name and a type."""
    return {
        "id": document.id or f"file_{sha256(document.url.encode()).hexdigest()[:24]}",
        "filename": document.filename,
        "mime_type": document.mime_type or _type_of(document),
        "url": document.url,
    }


def _type_of(document: Document) -> str:
    if document.url.startswith("data:"):
        return document.url[5:].partition(",")[0].partition(";")[0] or _TYPE
    return mimetypes.guess_type(document.filename)[0] or _TYPE


def write_labels(metadata: dict[str, str]) -> tuple[str, ...]:
    """Keep metadata as labels, so that every dialect sees and filters it."""
    return tuple(sorted(f"{name}={value}" for name, value in metadata.items()))


def read_metadata(labels: tuple[str, ...]) -> dict[str, str]:
    """Answer a run's labels as metadata; one without a value has an empty one."""
    return {name: value for name, _, value in (label.partition("=") for label in labels)}
