"""The audit's use cases: let a request be recorded, and look through what was."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from chalicelib.core.audit import Asked, AuditFilter, AuditRecord
from chalicelib.core.ids import AccountId
from chalicelib.stores.audit import AuditStore
from chalicelib.stores.pages import Page


@dataclass(frozen=True, slots=True)
class Audit:
    store: AuditStore

    def recorded(self, asked: Asked) -> AbstractContextManager[None]:
        """Let whatever is changed meanwhile be changed together with a record of this request."""
        return self.store.recorded(asked)

    def page(self, account: AccountId, filter_: AuditFilter, *, before: str | None, limit: int) -> Page[AuditRecord]:
        """List the records that a filter keeps, newest first, below a position."""
        return self.store.page(account, filter_, before=before, limit=limit)
