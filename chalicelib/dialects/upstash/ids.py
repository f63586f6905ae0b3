"""Names on Upstash's wire. A client may choose a run's id: what is no id of ours is such a name."""

import re
from uuid import UUID

from chalicelib.core.errors import Invalid
from chalicelib.core.ids import AccountId, DefinitionKey, RunId, aliased_run_id
from chalicelib.core.run_summaries import RunSummary
from chalicelib.core.runs import Run

_PREFIX = "wfr_"
_OURS = re.compile(r"wfr_([0-9a-f]{32})")
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
_NO_URL = "reprise:"


class RunIdInvalid(Invalid):
    code = "invalid_run_id"

    def __init__(self) -> None:
        super().__init__("A workflow run id must be 1 to 128 letters, digits, or of '_.-'.")


def write_run_id(run: Run | RunSummary) -> str:
    """Answer a run's id on this wire: the name that a client chose, or our own."""
    return run.alias or plain_run_id(run.id)


def plain_run_id(run_id: RunId) -> str:
    """Write an id of a run of which nothing else is known."""
    return f"{_PREFIX}{run_id.replace('-', '')}"


def read_run_id(account: AccountId, text: str) -> RunId:
    """Answer which run is meant; raise `RunIdInvalid` for what cannot be one."""
    ours = _OURS.fullmatch(text)
    if ours:
        return RunId(str(UUID(ours.group(1))))
    if not _NAME.fullmatch(text):
        raise RunIdInvalid
    return aliased_run_id(account, text)


def workflow_url(run: Run | RunSummary) -> str:
    """Answer the URL of a run's workflow; one without a URL is addressed by its key."""
    return run.url or f"{_NO_URL}{run.definition}"


def definition_of(url: str) -> DefinitionKey | None:
    """Answer the definition that such an address names itself."""
    return DefinitionKey(url.removeprefix(_NO_URL)) if url.startswith(_NO_URL) else None
