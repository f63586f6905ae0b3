"""Which runs are meant: by what lists tell of them, and by what their heads alone tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from chalicelib.core.run_summaries import RunFilter, RunSummary
from chalicelib.core.runs import Run, RunStatus
from chalicelib.dialects.upstash.errors import ParameterInvalid
from chalicelib.dialects.upstash.ids import workflow_url, write_run_id
from chalicelib.dialects.upstash.parameters import Parameters

RunState = Literal["RUN_STARTED", "RUN_SUCCESS", "RUN_FAILED", "RUN_CANCELED"]
STATES: Mapping[RunStatus, RunState] = {
    RunStatus.PENDING: "RUN_STARTED",
    RunStatus.RUNNING: "RUN_STARTED",
    RunStatus.WAITING: "RUN_STARTED",
    RunStatus.PAUSED: "RUN_STARTED",
    RunStatus.COMPLETED: "RUN_SUCCESS",
    RunStatus.FAILED: "RUN_FAILED",
    RunStatus.CANCELED: "RUN_CANCELED",
}


class RunsWanted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which runs: those of which all that is given holds."""

    from_date: int | None = None
    to_date: int | None = None
    workflow_url: str | list[str] | None = None
    host: str | list[str] | None = None
    path: str | list[str] | None = None
    workflow_run_id: str | list[str] | None = None
    workflow_created_at: int | None = None
    label: str | list[str] | None = None
    caller_ip: str | list[str] | None = None
    flow_control_key: str | list[str] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run must be; None: anything. `flow_keys` is known of heads alone."""

    urls: frozenset[str] | None
    is_exact: bool
    hosts: frozenset[str] | None
    paths: frozenset[str] | None
    names: frozenset[str] | None
    labels: frozenset[str] | None
    addresses: frozenset[str] | None
    states: frozenset[str] | None
    flow_keys: frozenset[str] | None
    created_at: int | None
    is_live: bool

    @classmethod
    def read(cls, asked: Parameters, *, is_exact: bool, is_live: bool = False) -> "Wanted":
        states = asked.all("state")
        if states is not None and not states <= frozenset(STATES.values()):
            raise ParameterInvalid("state", f"must be some of {', '.join(sorted(set(STATES.values())))}")
        return cls(
            urls=asked.urls("workflowUrl"),
            is_exact=is_exact,
            hosts=asked.all("host"),
            paths=asked.all("path"),
            names=asked.all("workflowRunId"),
            labels=asked.all("label"),
            addresses=asked.all("callerIp"),
            states=states,
            flow_keys=asked.all("flowControlKey"),
            created_at=asked.number("workflowCreatedAt"),
            is_live=is_live,
        )

    def filter(self, asked: Parameters) -> RunFilter:
        return RunFilter(created_from=asked.number("fromDate"), created_to=asked.number("toDate"), also=self.keeps)

    def keeps_run(self, run: Run) -> bool:
        """Say whether a run is meant."""
        return self.keeps(run) and self.keeps_head(run)

    def keeps(self, run: Run | RunSummary) -> bool:
        """Say whether a run is meant, as far as a list tells."""
        return (
            not (self.is_live and run.status.is_ended)
            and (self.states is None or STATES[run.status] in self.states)
            and (self.names is None or write_run_id(run) in self.names)
            and (self.labels is None or not self.labels.isdisjoint(run.labels))
            and (self.addresses is None or run.lineage.cause.address in self.addresses)
            and self.created_at in (None, run.created_at)
            and self._is_at(workflow_url(run))
        )

    def _is_at(self, url: str) -> bool:
        parts = urlsplit(url)
        return (
            (self.urls is None or url in self.urls or (not self.is_exact and url.startswith(tuple(self.urls))))
            and (self.hosts is None or parts.netloc in self.hosts)
            and (self.paths is None or parts.path in self.paths)
        )

    def keeps_head(self, run: Run) -> bool:
        """Say whether a run is meant, by what its head alone tells."""
        flow = run.overrides.flow
        return self.flow_keys is None or (flow is not None and flow.key in self.flow_keys)
