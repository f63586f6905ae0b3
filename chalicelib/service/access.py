"""Who is calling, and may they: API keys, looked up once a minute at most."""

from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.core.access import ApiKey, Scope, ScopeMissing, Unauthenticated, check_account, secret_hash
from chalicelib.core.errors import NotFound
from chalicelib.core.ids import AccountId
from chalicelib.stores.keys import KeyStore

REMEMBERED_MS = 60_000  # after at most this time a revoked key opens nothing anywhere
MAX_REMEMBERED = 1_000
MAX_SECRET = 256  # characters


class KeyNotFound(NotFound):
    code = "key_not_found"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is no API key '{key_id}'.", key_id=key_id)


@dataclass(frozen=True, slots=True)
class Access:
    keys: KeyStore
    now: Callable[[], int]
    new_id: Callable[[], str]
    new_secret: Callable[[], str]
    _remembered: dict[str, tuple[ApiKey, int]] = field(default_factory=dict)

    def authorize(self, secret: str | None, scope: Scope) -> ApiKey:
        """Answer the key that a secret is; raise `Unauthenticated`, or `ScopeMissing` if it may not do this."""
        key = self._find(secret) if secret and len(secret) <= MAX_SECRET else None
        if key is None or not key.is_valid(self.now()):
            raise Unauthenticated
        if scope not in key.scopes:
            raise ScopeMissing(scope)
        return key

    def _find(self, secret: str) -> ApiKey | None:
        hashed, at = secret_hash(secret), self.now()
        key, until = self._remembered.get(hashed, (None, 0))
        if key is not None and at < until:
            return key
        key = self.keys.find(secret)
        if key is not None:
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[hashed] = key, at + REMEMBERED_MS
        return key

    def create(
        self, account: AccountId, name: str, scopes: frozenset[Scope], environment: str, expires_at: int | None
    ) -> tuple[ApiKey, str]:
        """Make a key, and answer it with its secret, which nobody can be told again; raise `AccountInvalid`."""
        check_account(account)
        key_id = self.new_id()
        secret = f"rsk_{key_id.replace('-', '')[:12]}_{self.new_secret()}"
        key = ApiKey(key_id, account, name, scopes, environment, self.now(), expires_at)
        self.keys.create(key, secret)
        return key, secret

    def list(self, caller: ApiKey) -> list[ApiKey]:
        """List the keys that the caller may know of."""
        return [key for key in self.keys.list(caller.account) if caller.may_see(key)]

    def revoke(self, caller: ApiKey, key_id: str) -> None:
        """Let a key open nothing any more: at once here, within `REMEMBERED_MS` everywhere."""
        known = self.keys.named(caller.account, key_id)
        if known is None or not caller.may_see(known):
            raise KeyNotFound(key_id)
        self.keys.disable(caller.account, key_id)
        self._remembered.clear()
