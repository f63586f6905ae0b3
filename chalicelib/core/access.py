"""Who may do what: API keys, their accounts, environments and scopes.

An account's environments are worlds of their own: everything that a key reads and writes lies under its `realm`.
Keys alone belong to the account itself.
"""

import hashlib
import re
from dataclasses import dataclass
from enum import Enum

from chalicelib.core.errors import Invalid, NotAllowed
from chalicelib.core.ids import AccountId

LIVE = "live"
_ACCOUNT = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


class Scope(Enum):
    """What a key may do. None includes another: a key has exactly the scopes that it names."""

    READ = "read"
    RESTART = "restart"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. Times in ms."""

    id: str
    account: AccountId
    name: str
    scopes: frozenset[Scope]
    environment: str
    created_at: int
    expires_at: int | None = None
    is_disabled: bool = False

    @property
    def realm(self) -> AccountId:
        """Answer the name under which the data of this key's account and environment lies."""
        return self.account if self.environment == LIVE else AccountId(f"{self.account}@{self.environment}")

    def may_see(self, other: "ApiKey") -> bool:
        """Say whether this key may know of another one: a live key of all, any other of its environment's."""
        return self.account == other.account and self.environment in (LIVE, other.environment)

    def is_valid(self, at: int) -> bool:
        return not self.is_disabled and (self.expires_at is None or at < self.expires_at)


class Unauthenticated(NotAllowed):
    """No key, an unknown, an expired or a disabled one: the same answer for all."""

    code = "unauthenticated"

    def __init__(self) -> None:
        super().__init__("A valid API key is needed.")


class ScopeMissing(NotAllowed):
    code = "scope_missing"

    def __init__(self, scope: Scope) -> None:
        super().__init__(f"This API key lacks the scope '{scope.value}'.", scope=scope.value)


class EnvironmentNotAllowed(NotAllowed):
    code = "environment_not_allowed"

    def __init__(self, environment: str) -> None:
        super().__init__(f"A key of this environment makes no '{environment}' keys.", environment=environment)


class AccountInvalid(Invalid):
    code = "invalid_account"

    def __init__(self) -> None:
        super().__init__("An account's name is 1 to 64 letters, digits, '_', '.' or '-'.")


def check_account(account: AccountId) -> None:
    """Raise `AccountInvalid` for a name that could be taken for another one's rows."""
    if not _ACCOUNT.fullmatch(account):
        raise AccountInvalid


def secret_hash(secret: str) -> str:
    """Answer what is kept of a secret. At 256 random bits it needs neither salt nor slowness."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
