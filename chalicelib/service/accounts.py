"""Use cases of an account's settings."""

from dataclasses import dataclass

from chalicelib.core.ids import AccountId
from chalicelib.core.settings import AccountSettings
from chalicelib.stores.accounts import AccountStore


@dataclass(frozen=True, slots=True)
class Accounts:
    store: AccountStore

    def settings(self, account: AccountId) -> AccountSettings:
        """Answer what an account has settled, as of a minute ago at the earliest."""
        return self.store.settings(account)

    def save(self, account: AccountId, settings: AccountSettings) -> None:
        """Settle: heeded at once here, within a minute everywhere."""
        self.store.save(account, settings)
