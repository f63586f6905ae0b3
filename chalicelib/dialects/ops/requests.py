"""What our own dialect is asked: the shapes of bodies and queries, and how they become the core's values.

What a shape does not name is refused.
"""

import re
from typing import Annotated, Any, Literal, assert_never

from msgspec import Meta, field

from chalicelib.core.access import Scope
from chalicelib.core.causes import Cause
from chalicelib.core.errors import Invalid
from chalicelib.core.ids import AccountId, ActivityId, DefinitionKey, RunId, SnapshotId, TransitionId
from chalicelib.core.overrides import FlowControl, Overrides
from chalicelib.core.refusals import FlowIncomplete
from chalicelib.core.restart_requests import AfterEntry, At, Beginning, Data, FromFailure, RestartRequest, StartRequest
from chalicelib.core.restart_requests import StartPoint as CoreStartPoint
from chalicelib.core.run_summaries import RunFilter
from chalicelib.core.runs import ENDED, RunStatus
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place
from chalicelib.core.versions import DraftVersion, NamedVersion, PublishedVersion, SameVersion, VersionChoice
from chalicelib.dialects.ops.shapes import Shape
from chalicelib.dialects.ops.wishes import RunWishes, read_wishes
from chalicelib.dialects.times import read_time

MAX_JOURNAL_PAGE = 1000  # entries

_VERSIONS: dict[str, VersionChoice] = {
    "same": SameVersion(),
    "published": PublishedVersion(),
    "draft": DraftVersion(),
}
_SNAPSHOT = re.compile(r"snap_[0-9a-f]{32}")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")

Label = Annotated[str, Meta(min_length=1, max_length=128)]
Labels = Annotated[list[Label], Meta(max_length=50)]
BusinessKey = Annotated[str, Meta(min_length=1, max_length=255)]
Reason = Annotated[str, Meta(max_length=1000)]
Limit = Annotated[int, Meta(ge=1, le=200)]
Text = Annotated[str, Meta(min_length=1, max_length=2048)]
Key = Annotated[str, Meta(max_length=128, pattern=r"^[A-Za-z0-9_.\-\[\]()]+$")]
Element = Annotated[str, Meta(min_length=1, max_length=128)]


class VersionInvalid(Invalid):
    code = "invalid_version"

    def __init__(self, choices: str) -> None:
        super().__init__(f"'version' must be {choices}, a version's number from 1, or a snapshot's id (snap_…).")


class PlaceInvalid(Invalid):
    code = "invalid_place"

    def __init__(self, index: int) -> None:
        super().__init__(
            f"places[{index}] needs exactly one of 'before_activity', 'after_activity' and 'along_transition'.",
            place=index,
        )


class TimesInvalid(Invalid):
    code = "invalid_time"

    def __init__(self, first: str, last: str) -> None:
        super().__init__(f"'{first}' is later than '{last}'.", field=first)


class NoFields(Shape, frozen=True):
    """Nothing can be said here."""


# -- queries


class Listing(Shape, frozen=True):
    limit: Limit = 50
    cursor: Text | None = None


class VersionQuery(Shape, frozen=True):
    version: (
        Annotated[str, Meta(min_length=1, description="published, draft, a number, or a snapshot's id.")] | None
    ) = None


class RunQuery(Listing, frozen=True):
    definition: Key | None = None
    status: RunStatus | None = None
    label: Text | None = None
    business_key: Text | None = None
    created_from: Text | None = None
    created_to: Text | None = None


class JournalQuery(Shape, frozen=True):
    first: Annotated[int, Meta(ge=0)] = field(default=0, name="from")
    limit: Annotated[int, Meta(ge=1, le=MAX_JOURNAL_PAGE)] = MAX_JOURNAL_PAGE


class RestartQuery(Shape, frozen=True):
    dry_run: bool = False


def read_filter(query: RunQuery) -> RunFilter:
    created_from = None if query.created_from is None else read_time(query.created_from, "created_from")
    created_to = None if query.created_to is None else read_time(query.created_to, "created_to")
    if created_from is not None and created_to is not None and created_from > created_to:
        raise TimesInvalid("created_from", "created_to")
    return RunFilter(
        definition=None if query.definition is None else DefinitionKey(query.definition),
        status=query.status,
        label=query.label,
        business_key=query.business_key,
        created_from=created_from,
        created_to=created_to,
    )


def read_version(given: int | str, *, is_restart: bool = False) -> VersionChoice:
    """Answer the version that a caller chose; only a restart knows a same one."""
    if isinstance(given, str) and (is_restart or given != "same") and given in _VERSIONS:
        return _VERSIONS[given]
    if isinstance(given, str) and _SNAPSHOT.fullmatch(given):
        return NamedVersion(SnapshotId(given))
    if isinstance(given, int) and given > 0:
        return NamedVersion(given)
    raise VersionInvalid("'same', 'published', 'draft'" if is_restart else "'published', 'draft'")


def read_version_text(given: str) -> VersionChoice:
    """Answer the version that a query chose, where a number is text too."""
    return read_version(int(given) if _NUMBER.fullmatch(given) else given)


# -- starting


class Start(RunWishes, frozen=True, kw_only=True):
    input: dict[str, Any] = field(default_factory=dict)
    business_key: BusinessKey | None = None
    labels: Labels = field(default_factory=list)
    version: int | str = "published"


def read_start(asked: Start, account: AccountId, cause: Cause) -> StartRequest:
    wishes = read_wishes(asked)
    if asked.flow_control is not None and (wishes.flow_key is None or wishes.flow_limits is None):
        raise FlowIncomplete
    return StartRequest(
        account=account,
        cause=cause,
        input=asked.input,
        business_key=asked.business_key,
        labels=_read_labels(asked.labels),
        overrides=Overrides(
            retries=asked.retries,
            retry_delay_s=None if wishes.retry_delay is not None else asked.retry_delay,
            delay_s=asked.delay,
            retry_delay=wishes.retry_delay,
            flow=FlowControl(wishes.flow_key, wishes.flow_limits) if wishes.flow_key and wishes.flow_limits else None,
            failure_callback=wishes.failure_callback,
        ),
    )


def _read_labels(labels: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(labels)))


# -- restarting


class FromBeginning(Shape, frozen=True, tag_field="type", tag="beginning"):
    pass


class AfterAnEntry(Shape, frozen=True, tag_field="type", tag="after_entry"):
    index: int


class FromTheFailure(Shape, frozen=True, tag_field="type", tag="from_failure"):
    pass


class OnePlace(Shape, frozen=True, omit_defaults=True):
    """Exactly one of these."""

    before_activity: Element | None = None
    after_activity: Element | None = None
    along_transition: Element | None = None


class AtPlaces(Shape, frozen=True, tag_field="type", tag="at"):
    places: Annotated[list[OnePlace], Meta(min_length=1, max_length=100)]


StartPoint = FromBeginning | AfterAnEntry | FromTheFailure | AtPlaces


class Restart(RunWishes, frozen=True, kw_only=True):
    start: StartPoint = FromBeginning()
    version: int | str = "same"
    data: Literal["input", "last_variables"] = "input"
    overlay: dict[str, Any] = field(default_factory=dict)
    keep_business_key: bool = True
    skip_listeners: bool = False
    skip_mappings: bool = False
    labels: Labels | None = None
    allowed_statuses: Annotated[list[Literal["completed", "failed", "canceled"]], Meta(min_length=1)] | None = None
    reason: Reason = ""


def read_restart(asked: Restart, source: RunId, cause: Cause) -> RestartRequest:
    wishes, allowed = read_wishes(asked), asked.allowed_statuses
    return RestartRequest(
        source=source,
        cause=cause,
        start=_read_start_point(asked.start),
        version=read_version(asked.version, is_restart=True),
        data=Data(asked.data),
        overlay=asked.overlay,
        is_keeping_business_key=asked.keep_business_key,
        is_skipping_listeners=asked.skip_listeners,
        is_skipping_mappings=asked.skip_mappings,
        retries=asked.retries,
        retry_delay_s=None if wishes.retry_delay is not None else asked.retry_delay,
        retry_delay=wishes.retry_delay,
        delay_s=asked.delay,
        flow_key=wishes.flow_key,
        flow_limits=wishes.flow_limits,
        failure_callback=wishes.failure_callback,
        labels=None if asked.labels is None else _read_labels(asked.labels),
        allowed=ENDED if allowed is None else frozenset(map(RunStatus, allowed)),
    )


def _read_start_point(start: StartPoint) -> CoreStartPoint:
    match start:
        case FromBeginning():
            return Beginning()
        case AfterAnEntry(index=index):
            return AfterEntry(index)
        case FromTheFailure():
            return FromFailure()
        case AtPlaces(places=places):
            return At(tuple(_read_place(index, place) for index, place in enumerate(places)))
        case _:
            assert_never(start)


def _read_place(index: int, place: OnePlace) -> Place:
    match place.before_activity, place.after_activity, place.along_transition:
        case str(activity), None, None:
            return BeforeActivity(ActivityId(activity))
        case None, str(activity), None:
            return AfterActivity(ActivityId(activity))
        case None, None, str(transition):
            return AlongTransition(TransitionId(transition))
        case _:
            raise PlaceInvalid(index)


# -- the rest


class Reasoned(Shape, frozen=True):
    reason: Reason = ""


class Change(Shape, frozen=True):
    """`remove` names the variables to take away; one that is set too is set."""

    set: dict[str, Any] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)


class Complete(Shape, frozen=True):
    variables: dict[str, Any] = field(default_factory=dict)


class CreateKey(Shape, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    scopes: Annotated[list[Scope], Meta(min_length=1)]
    environment: Literal["live", "test"] = "live"
    expires_at: int | str | None = None
