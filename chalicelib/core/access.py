"""Who may do what: API keys, their accounts and scopes."""

import hashlib
from dataclasses import dataclass
from enum import Enum

from chalicelib.core.errors import NotAllowed
from chalicelib.core.ids import AccountId


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


def secret_hash(secret: str) -> str:
    """Answer what is kept of a secret. At 256 random bits it needs neither salt nor slowness."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
