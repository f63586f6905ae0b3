"""Why there is no new run: the closed list that every dialect maps to its own words (see errors.py for the tree)."""

from collections.abc import Iterable

from chalicelib.core.errors import Conflict, Invalid, NotFound, TooLarge
from chalicelib.core.ids import DefinitionKey, RunId


class RunNotFound(NotFound):
    code = "run_not_found"

    def __init__(self, run_id: RunId) -> None:
        super().__init__(f"There is no run '{run_id}'.", run_id=run_id)


class DefinitionNotFound(NotFound):
    code = "definition_not_found"

    def __init__(self, key: DefinitionKey) -> None:
        super().__init__(f"There is no definition '{key}'.", definition=key)


class UrlUnknown(NotFound):
    code = "url_unknown"

    def __init__(self, url: str) -> None:
        super().__init__(f"No definition is published under the URL '{url}'.", url=url)


class VersionNotFound(NotFound):
    code = "version_not_found"

    def __init__(self, key: DefinitionKey, version: str) -> None:
        super().__init__(f"The definition '{key}' has no version '{version}'.", definition=key, version=version)


class NothingPublished(Conflict):
    code = "nothing_published"

    def __init__(self, key: DefinitionKey) -> None:
        super().__init__(f"The definition '{key}' has no published version.", definition=key)


class SourceNotStarted(Conflict):
    code = "source_not_started"

    def __init__(self, run_id: RunId) -> None:
        super().__init__(f"The run '{run_id}' has not started yet.", run_id=run_id)


class SourceStillRunning(Conflict):
    code = "source_still_running"

    def __init__(self, run_id: RunId, status: str) -> None:
        super().__init__(f"The run '{run_id}' has not ended: it is {status}.", run_id=run_id, status=status)


class SourceOfOtherVersion(Conflict):
    code = "source_of_other_version"

    def __init__(self, run_id: RunId, definition: DefinitionKey, version: int | None) -> None:
        super().__init__(
            f"The run '{run_id}' ran on version {version} of '{definition}', which this call is not about.",
            run_id=run_id,
            definition=definition,
            version=version,
        )


class SourceStatusNotAllowed(Conflict):
    code = "source_status_not_allowed"

    def __init__(self, run_id: RunId, status: str) -> None:
        super().__init__(
            f"The run '{run_id}' is {status}; this call restarts no such run.", run_id=run_id, status=status
        )


class JournalGone(Conflict):
    code = "journal_gone"

    def __init__(self, run_id: RunId) -> None:
        super().__init__(f"The journal of run '{run_id}' is not kept any more.", run_id=run_id)


class NothingFailed(Conflict):
    code = "nothing_failed"

    def __init__(self, run_id: RunId) -> None:
        super().__init__(f"The run '{run_id}' is completed: there is no failure to go on from.", run_id=run_id)


class EntryOutOfRange(Invalid):
    code = "entry_out_of_range"

    def __init__(self, index: int, length: int) -> None:
        super().__init__(
            f"There is no entry {index}: the journal holds {length}, numbered from 0.", index=index, length=length
        )


class PrefixIncomplete(Invalid):
    code = "prefix_incomplete"

    def __init__(self, opened: Iterable[int]) -> None:
        indexes = list(opened)
        told = ", ".join(map(str, indexes))
        super().__init__(f"The prefix holds waits that nobody ever closed: entries {told}.", entries=[*indexes])


class PrefixTooLarge(TooLarge):
    code = "prefix_too_large"

    def __init__(self, size: int, most: int) -> None:
        super().__init__(f"The journal to keep takes {size} bytes; {most} is the most.", size=size, most=most)


class ElementUnknown(Invalid):
    code = "element_unknown"

    def __init__(self, element: str) -> None:
        super().__init__(f"The chosen version has no element '{element}'.", element=element)


class ElementAmbiguous(Invalid):
    code = "element_ambiguous"

    def __init__(self, element: str, ways: int) -> None:
        super().__init__(
            f"'{element}' has {ways} outgoing transitions; to start after it needs exactly one.",
            element=element,
            ways=ways,
        )


class ScopeAmbiguous(Invalid):
    code = "scope_ambiguous"

    def __init__(self, scope: str) -> None:
        super().__init__(f"Places before it leave open which scope of '{scope}' a place is in.", scope=scope)


class VariablesMissing(Invalid):
    code = "variables_missing"

    def __init__(self, names: Iterable[str]) -> None:
        missing = list(names)
        super().__init__(f"The definition requires variables that are missing: {', '.join(missing)}.", names=[*missing])


class StartNotFound(Invalid):
    code = "start_not_found"

    def __init__(self) -> None:
        super().__init__("No start event of the definition has a condition that holds for these variables.")


class StartUnknown(Invalid):
    code = "start_unknown"

    def __init__(self, start: str) -> None:
        super().__init__(f"The definition has no start event '{start}'.", start=start)


class StartsAmbiguous(Invalid):
    code = "starts_ambiguous"

    def __init__(self, starts: Iterable[str]) -> None:
        names = list(starts)
        super().__init__(f"Nothing tells the start events apart: {', '.join(names)}.", starts=[*names])


class DataNotApplicable(Invalid):
    code = "data_not_applicable"

    def __init__(self) -> None:
        super().__init__(
            "A restart that keeps journal entries keeps their data: ask for 'input', with an overlay if need be."
        )


class SkipsNotApplicable(Invalid):
    code = "skips_not_applicable"

    def __init__(self) -> None:
        super().__init__("Listeners and mappings can be skipped by a restart that keeps no journal entries only.")


class VersionIncompatible(Conflict):
    code = "version_incompatible"

    def __init__(self, version: str, index: int, problem: str) -> None:
        super().__init__(
            f"The kept journal does not fit version '{version}': at entry {index}, {problem}.",
            version=version,
            entry=index,
        )


class KeyReused(Conflict):
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used before, with a different request.")


class WorkflowNotRestarted(Conflict):
    code = "workflow_not_restarted"

    def __init__(self, run_id: RunId) -> None:
        super().__init__(f"The run '{run_id}' is a workflow's, and this call restarts no such run.", run_id=run_id)


class FlowIncomplete(Invalid):
    code = "flow_control_incomplete"

    def __init__(self) -> None:
        super().__init__("Flow control needs a key and limits, and the source has not the one that is not given.")


class Unsupported(Invalid):
    code = "unsupported"

    def __init__(self, field: str) -> None:
        super().__init__(f"'{field}' cannot be honoured yet; nothing was done.", field=field)
