"""What a new run is when it is written: its head, its journal so far, and a dead letter if it has failed already."""

from dataclasses import dataclass, replace

from chalicelib.core.advance import settle
from chalicelib.core.beginnings import check_places, first_places
from chalicelib.core.dead_letters import DeadLetter, with_dead_letter
from chalicelib.core.definitions import Definition, DefinitionType
from chalicelib.core.ids import AccountId, DeadLetterId, RunId
from chalicelib.core.journal import Entry, Input
from chalicelib.core.json_values import Variables
from chalicelib.core.lines import MOST_KEY, BusinessKeyNeeded, line_of
from chalicelib.core.replay import replay
from chalicelib.core.restart_requests import StartRequest
from chalicelib.core.retention import Retention
from chalicelib.core.runs import Lineage, Run, RunStatus, progressed, scheduled
from chalicelib.core.state import Start
from chalicelib.core.versions import Version


@dataclass(frozen=True, slots=True)
class Birth:
    """What a new run gets from outside: its id, the hash of the request that made it, and the time (ms)."""

    run_id: RunId
    request_hash: str
    at: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be written, in one transaction: a run, its journal, and what they bring about.

    `kept` counts the entries that come from the source; `journal[0]` is always the input. `consumed_size` is what
    the dead letter's data takes (bytes) where it is kept, if that is known.
    """

    run: Run
    journal: tuple[Entry, ...]
    kept: int = 0
    dead_letter: DeadLetter | None = None
    consumed: DeadLetterId | None = None
    consumed_size: int = 0


def plan_start(request: StartRequest, version: Version, birth: Birth, retention: Retention | None = None) -> Plan:
    """Answer what a first run begins with, or raise the refusal that says why it cannot begin.

    `retention` is what was settled for the definition; without it, what its document says holds.
    """
    lineage = Lineage(root=birth.run_id, source=None, attempt=1, cause=request.cause)
    check_places(version.definition, request.places)
    places = request.places or first_places(version.definition, request.input, request.start)
    start = Start(places, request.is_skipping_listeners, request.is_skipping_mappings, request.start)
    run = replace(
        blank_run(birth, request.account, version, start=start, lineage=lineage, variables=request.input),
        business_key=request.business_key,
        labels=request.labels,
        overrides=request.overrides,
        retention=request.retention or retention or version.definition.retention,
        alias=request.alias,
    )
    run = lined_up(run, version.definition)
    return begun_run(run, version.definition, (Input(request.input, birth.at),), birth.at)


def blank_run(
    birth: Birth, account: AccountId, version: Version, *, start: Start, lineage: Lineage, variables: Variables
) -> Run:
    """Answer the head of a run to which nothing has happened yet."""
    return Run(
        account=account,
        id=birth.run_id,
        definition=version.key,
        snapshot=version.snapshot,
        version=version.number,
        url=version.definition.url or None,
        type=version.definition.type,
        status=RunStatus.PENDING,
        input=variables,
        variables=variables,
        start=start,
        lineage=lineage,
        request_hash=birth.request_hash,
        created_at=birth.at,
        updated_at=birth.at,
        journal_length=1,
    )


def lined_up(run: Run, definition: Definition, source: Run | None = None) -> Run:
    """Say how a new run stands to others of its key; raise `BusinessKeyNeeded` if it needs one and has none."""
    if definition.type is DefinitionType.SERVICE:
        return run
    if not run.business_key or len(run.business_key.encode()) > MOST_KEY:
        raise BusinessKeyNeeded(run.definition, definition.type.value, MOST_KEY)
    is_heir = source is not None and (source.type, source.definition) == (definition.type, run.definition)
    line = line_of(definition, run.start.places, delay_s=run.overrides.delay_s, is_heir=is_heir)
    return replace(run, line=line)


def begun_run(
    run: Run, definition: Definition, journal: tuple[Entry, ...], at: int, *, is_resting: bool = False
) -> Plan:
    """Let the new run reach its first wait or action, unless it is to begin later or to rest until its worker comes.

    One that has to wait for its turn rests.
    """
    state = replay(definition, run.start, journal)
    has_to_wait = run.line is not None and run.line.is_before_its_turn
    if is_resting or has_to_wait or run.overrides.delay_s > 0:
        later = replace(run, journal_length=len(journal), variables=state.variables)
        return Plan(scheduled(later, at + round(run.overrides.delay_s * 1000), at), journal)
    settled = settle(definition, state, at)
    entries = journal + settled.entries
    begun = progressed(run, definition, settled.state, at)
    if begun.status is RunStatus.RUNNING and not settled.entries:
        begun = replace(begun, status=RunStatus.PENDING, started_at=None)
    begun, letter = with_dead_letter(begun, at)
    return Plan(begun, entries, dead_letter=letter)
