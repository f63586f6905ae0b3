"""What an account has settled for itself, remembered for a minute."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.core.ids import AccountId
from chalicelib.core.settings import AccountSettings
from chalicelib.stores.calls import Calls
from chalicelib.stores.conversions import convert
from chalicelib.stores.entries import plain
from chalicelib.stores.packing import pack, unpack
from chalicelib.stores.tables import AccountRow

REMEMBERED_MS = 60_000


@dataclass(frozen=True, slots=True)
class AccountStore:
    calls: Calls
    now: Callable[[], int]
    _remembered: dict[AccountId, tuple[AccountSettings, int]] = field(default_factory=dict)

    def settings(self, account: AccountId) -> AccountSettings:
        """Answer an account's settings, as they were a minute ago at the earliest."""
        at = self.now()
        settings, until = self._remembered.get(account, (None, 0))
        if settings is None or at >= until:
            row = self.calls.find(AccountRow, account)
            settings = AccountSettings() if row is None else convert(unpack(row.document), AccountSettings)
            self._remembered[account] = settings, at + REMEMBERED_MS
        return settings

    def save(self, account: AccountId, settings: AccountSettings) -> None:
        self.calls.save(AccountRow(account, document=pack(plain(settings))))
        self._remembered.pop(account, None)
