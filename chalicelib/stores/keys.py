"""API keys in DynamoDB: found by the SHA-256 of the secret, which is all that is kept of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.core.access import ApiKey, Scope, secret_hash
from chalicelib.core.ids import AccountId
from chalicelib.stores.calls import Calls, Refused
from chalicelib.stores.numbers import whole
from chalicelib.stores.tables import KeyRow


@dataclass(frozen=True, slots=True)
class KeyStore:
    calls: Calls

    def find(self, secret: str) -> ApiKey | None:
        """Answer the key that this secret is, disabled and expired ones included.

        The read is consistent: an older copy of a revoked key would be remembered for another minute.
        """
        row = self.calls.find(KeyRow, secret_hash(secret))
        return _key(row) if row else None

    def create(self, key: ApiKey, secret: str) -> None:
        """Keep a new key; keeping the same one again changes nothing."""
        row = KeyRow(
            secret_hash(secret),
            account=key.account,
            key_id=key.id,
            name=key.name,
            scopes={scope.value for scope in key.scopes},
            environment=key.environment,
            created_at=key.created_at,
            expires_at=key.expires_at,
            is_disabled=key.is_disabled,
        )
        try:
            self.calls.save(row, KeyRow.pk.does_not_exist())
        except Refused:
            return

    def list(self, account: AccountId) -> list[ApiKey]:
        return [_key(row) for row in self.calls.make(lambda: [*KeyRow.by_account.query(account, limit=1000)])]

    def named(self, account: AccountId, key_id: str) -> ApiKey | None:
        """Answer an account's key by its id."""
        rows = self._named(account, key_id)
        return _key(rows[0]) if rows else None

    def disable(self, account: AccountId, key_id: str) -> None:
        """Let a key open nothing any more."""
        for row in self._named(account, key_id):
            self.calls.update(row, [KeyRow.is_disabled.set(True)], KeyRow.pk.exists())

    def _named(self, account: AccountId, key_id: str) -> Sequence[KeyRow]:
        return self.calls.make(lambda: [*KeyRow.by_account.query(account, KeyRow.key_id == key_id)])


def _key(row: KeyRow) -> ApiKey:
    return ApiKey(
        id=row.key_id,
        account=AccountId(row.account),
        name=row.name,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        environment=row.environment,
        created_at=int(row.created_at),
        expires_at=whole(row.expires_at),
        is_disabled=row.is_disabled,
    )
