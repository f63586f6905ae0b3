from collections.abc import Iterator
from types import ModuleType

import pytest

from chalicelib.core import access, lines, refusals
from chalicelib.core.access import AccountInvalid, EnvironmentNotAllowed, Scope, ScopeMissing, Unauthenticated
from chalicelib.core.errors import Busy, Conflict, Invalid, NotAllowed, NotFound, RestartError, TooLarge
from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.json_values import Variables
from chalicelib.core.lines import BusinessKeyNeeded, LineFull, WorkflowRunExists, WorkflowRunNotFound
from chalicelib.core.refusals import (
    DataNotApplicable,
    DefinitionNotFound,
    ElementAmbiguous,
    ElementUnknown,
    EntryOutOfRange,
    FlowIncomplete,
    JournalGone,
    KeyReused,
    NothingFailed,
    NothingPublished,
    PrefixIncomplete,
    PrefixTooLarge,
    RunNotFound,
    ScopeAmbiguous,
    SkipsNotApplicable,
    SourceNotStarted,
    SourceOfOtherVersion,
    SourceStatusNotAllowed,
    SourceStillRunning,
    StartNotFound,
    StartsAmbiguous,
    StartUnknown,
    Unsupported,
    UrlUnknown,
    VariablesMissing,
    VersionIncompatible,
    VersionNotFound,
    WorkflowNotRestarted,
)

RUN, ORDER = RunId("r1"), DefinitionKey("order")

LEAVES: list[tuple[RestartError, type[RestartError], str, Variables]] = [
    (UrlUnknown("x:y"), NotFound, "No definition is published under the URL 'x:y'.", {"url": "x:y"}),
    (
        FlowIncomplete(),
        Invalid,
        "Flow control needs a key and limits, and the source has not the one that is not given.",
        {},
    ),
    (RunNotFound(RUN), NotFound, "There is no run 'r1'.", {"run_id": "r1"}),
    (DefinitionNotFound(ORDER), NotFound, "There is no definition 'order'.", {"definition": "order"}),
    (
        VersionNotFound(ORDER, "7"),
        NotFound,
        "The definition 'order' has no version '7'.",
        {"definition": "order", "version": "7"},
    ),
    (NothingPublished(ORDER), Conflict, "The definition 'order' has no published version.", {"definition": "order"}),
    (SourceNotStarted(RUN), Conflict, "The run 'r1' has not started yet.", {"run_id": "r1"}),
    (
        SourceStillRunning(RUN, "waiting"),
        Conflict,
        "The run 'r1' has not ended: it is waiting.",
        {"run_id": "r1", "status": "waiting"},
    ),
    (
        SourceOfOtherVersion(RUN, ORDER, 2),
        Conflict,
        "The run 'r1' ran on version 2 of 'order', which this call is not about.",
        {"run_id": "r1", "definition": "order", "version": 2},
    ),
    (
        SourceStatusNotAllowed(RUN, "completed"),
        Conflict,
        "The run 'r1' is completed; this call restarts no such run.",
        {"run_id": "r1", "status": "completed"},
    ),
    (
        SkipsNotApplicable(),
        Invalid,
        "Listeners and mappings can be skipped by a restart that keeps no journal entries only.",
        {},
    ),
    (JournalGone(RUN), Conflict, "The journal of run 'r1' is not kept any more.", {"run_id": "r1"}),
    (
        NothingFailed(RUN),
        Conflict,
        "The run 'r1' is completed: there is no failure to go on from.",
        {"run_id": "r1"},
    ),
    (
        EntryOutOfRange(9, 3),
        Invalid,
        "There is no entry 9: the journal holds 3, numbered from 0.",
        {"index": 9, "length": 3},
    ),
    (
        PrefixIncomplete(iter([2, 4])),
        Invalid,
        "The prefix holds waits that nobody ever closed: entries 2, 4.",
        {"entries": [2, 4]},
    ),
    (
        PrefixTooLarge(2000, 1000),
        TooLarge,
        "The journal to keep takes 2000 bytes; 1000 is the most.",
        {"size": 2000, "most": 1000},
    ),
    (ElementUnknown("x"), Invalid, "The chosen version has no element 'x'.", {"element": "x"}),
    (
        ScopeAmbiguous("sub"),
        Invalid,
        "Places before it leave open which scope of 'sub' a place is in.",
        {"scope": "sub"},
    ),
    (
        ElementAmbiguous("x", 2),
        Invalid,
        "'x' has 2 outgoing transitions; to start after it needs exactly one.",
        {"element": "x", "ways": 2},
    ),
    (
        DataNotApplicable(),
        Invalid,
        "A restart that keeps journal entries keeps their data: ask for 'input', with an overlay if need be.",
        {},
    ),
    (
        VersionIncompatible("snap_1", 4, "no token stands at 'a'"),
        Conflict,
        "The kept journal does not fit version 'snap_1': at entry 4, no token stands at 'a'.",
        {"version": "snap_1", "entry": 4},
    ),
    (
        VariablesMissing(["a", "b"]),
        Invalid,
        "The definition requires variables that are missing: a, b.",
        {"names": ["a", "b"]},
    ),
    (
        StartNotFound(),
        Invalid,
        "No start event of the definition has a condition that holds for these variables.",
        {},
    ),
    (
        StartsAmbiguous(["s", "t"]),
        Invalid,
        "Nothing tells the start events apart: s, t.",
        {"starts": ["s", "t"]},
    ),
    (
        BusinessKeyNeeded(ORDER, "object", 1024),
        Invalid,
        "'order' is of type object: its runs need a business key of 1 to 1024 bytes.",
        {"definition": "order", "type": "object", "most": 1024},
    ),
    (StartUnknown("s"), Invalid, "The definition has no start event 's'.", {"start": "s"}),
    (
        WorkflowRunNotFound(DefinitionKey("order"), "k"),
        NotFound,
        "'order' has no workflow run of the key 'k'.",
        {"definition": "order", "business_key": "k"},
    ),
    (
        WorkflowRunExists("k", RUN),
        Conflict,
        "The workflow has a run of the key 'k', and never a second: 'r1'.",
        {"business_key": "k", "run_id": "r1"},
    ),
    (
        WorkflowNotRestarted(RUN),
        Conflict,
        "The run 'r1' is a workflow's, and this call restarts no such run.",
        {"run_id": "r1"},
    ),
    (
        LineFull(ORDER, "k", 1000),
        Conflict,
        "1000 runs of 'order' stand in line for 'k': ask again when some have ended.",
        {"definition": "order", "business_key": "k", "most": 1000},
    ),
    (KeyReused(), Conflict, "This idempotency key was used before, with a different request.", {}),
    (Unsupported("x"), Invalid, "'x' cannot be honoured yet; nothing was done.", {"field": "x"}),
    (Unauthenticated(), NotAllowed, "A valid API key is needed.", {}),
    (ScopeMissing(Scope.RESTART), NotAllowed, "This API key lacks the scope 'restart'.", {"scope": "restart"}),
    (
        EnvironmentNotAllowed("live"),
        NotAllowed,
        "A key of this environment makes no 'live' keys.",
        {"environment": "live"},
    ),
    (AccountInvalid(), Invalid, "An account's name is 1 to 64 letters, digits, '_', '.' or '-'.", {}),
    (Busy(), Busy, "The service is busy. Send the same request again.", {}),
]


@pytest.mark.parametrize(("refusal", "kind", "message", "details"), LEAVES, ids=[leaf[0].code for leaf in LEAVES])
def test_a_refusal_says_its_fact_and_keeps_what_it_speaks_of(
    refusal: RestartError, kind: type[RestartError], message: str, details: Variables
):
    assert isinstance(refusal, kind)
    assert (refusal.message, str(refusal)) == (message, message)
    assert refusal.details == details


def leaves_of(*modules: ModuleType) -> Iterator[type[RestartError]]:
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, RestartError) and value.__module__ == module.__name__:
                yield value


def test_every_refusal_stands_in_the_table_under_a_code_of_its_own():
    told = {type(leaf[0]) for leaf in LEAVES} - {Busy}

    assert told == set(leaves_of(access, lines, refusals))
    assert len({leaf.code for leaf in told}) == len(told)
