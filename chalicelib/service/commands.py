"""Who asks for a run, on what command, and which id and hash follow from that."""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.ids import AccountId, RunId, derived_uuid, digest
from chalicelib.core.json_values import Json
from chalicelib.core.refusals import KeyReused
from chalicelib.core.runs import Run


@dataclass(frozen=True, slots=True)
class Command:
    """One request that makes a run. `key` is the caller's idempotency key; `subject` what the route speaks of.

    With a key, the run's id follows from it, unless the caller has chosen one: a repeat meets its own first write,
    however late it comes.
    """

    account: AccountId
    dialect: str
    route: str
    subject: str
    request: Json
    key: str | None = None
    chosen: RunId | None = None

    @property
    def request_hash(self) -> str:
        """Tell this request from another one under the same key."""
        return digest([self.dialect, self.route, self.subject, self.request])

    def run_id(self, new_id: Callable[[], str]) -> RunId:
        if self.chosen is not None:
            return self.chosen
        if self.key is None:
            return RunId(new_id())
        return RunId(derived_uuid(self.account, self.dialect, self.route, self.subject, self.key))

    def check_same(self, run: Run) -> None:
        """Raise `KeyReused` unless the run came from this very request."""
        if run.request_hash != self.request_hash:
            raise KeyReused
