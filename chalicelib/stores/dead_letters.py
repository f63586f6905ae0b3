"""Dead letters in DynamoDB. A live one is in the index `live`; a consumed one stays as a tombstone.

Either is gone for everybody when its time has come, whether DynamoDB has removed it yet or not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.core.dead_letters import DeadLetter, LetterFilter
from chalicelib.core.ids import AccountId, DeadLetterId, RunId
from chalicelib.stores.accounts import AccountStore
from chalicelib.stores.calls import Calls
from chalicelib.stores.numbers import seconds_past
from chalicelib.stores.pages import Page, ShardedList, between
from chalicelib.stores.run_rows import head_of, run_from
from chalicelib.stores.shards import Shards
from chalicelib.stores.tables import DeadLetterRow

_LAST = "~"  # sorts behind every id


def letter_row(letter: DeadLetter, shards: Shards, accounts: AccountStore) -> DeadLetterRow:
    """Write a dead letter as a row, which its account keeps for so long, and no longer than its run is kept."""
    expires_at, gone_at = letter.at // 1000 + accounts.settings(letter.account).retention_s, letter.run.expiry.run
    return DeadLetterRow(
        pk=letter_key(letter.account, letter.id),
        **head_of(letter.run),
        live_shard=shards.of(letter.account, letter.run.id),
        at=letter.at,
        expires_at=expires_at if gone_at is None else min(expires_at, seconds_past(gone_at)),
    )


def unlisted(transaction: TransactWrite, account: AccountId, letter: DeadLetterId, by: RunId) -> None:
    """Let a transaction make a dead letter a tombstone that names the first run it became."""
    actions: list[Action] = [
        DeadLetterRow.consumed_by.set(DeadLetterRow.consumed_by | by),
        DeadLetterRow.live_shard.remove(),
    ]
    row = DeadLetterRow(letter_key(account, letter))
    transaction.update(row, actions=actions, condition=DeadLetterRow.pk.exists())


def consumed(transaction: TransactWrite, account: AccountId, letter: DeadLetterId, by: RunId, command: str) -> None:
    """Let a transaction consume a dead letter that nobody has consumed."""
    actions: list[Action] = [DeadLetterRow.consumed_by.set(by), DeadLetterRow.live_shard.remove()]
    actions += [DeadLetterRow.consumed_on.set(command)] if command else []
    row = DeadLetterRow(letter_key(account, letter))
    transaction.update(row, actions=actions, condition=DeadLetterRow.live_shard.exists())


def letter_key(account: AccountId, letter: DeadLetterId) -> str:
    return f"{account}#{letter}"


def _letter(row: DeadLetterRow) -> DeadLetter:
    run, expires_at = run_from(row), int(row.expires_at) * 1000
    return DeadLetter(
        id=DeadLetterId(row.dead_letter_id),
        run=run,
        at=int(row.at),
        consumed_by=RunId(row.consumed_by) if row.consumed_by else None,
        consumed_on=row.consumed_on or "",
        expires_at=expires_at if run.expiry.run is None else min(expires_at, run.expiry.run),
        size=len(row.input) + len(row.variables or b""),
    )


@dataclass(frozen=True, slots=True)
class DeadLetterStore:
    calls: Calls
    shards: Shards
    now: Callable[[], int]

    def live(
        self,
        account: AccountId,
        filter_: LetterFilter,
        *,
        before: str | None,
        limit: int,
    ) -> Page[DeadLetter]:
        """List the dead letters that no restart has consumed and that a filter keeps, newest first."""
        lowest = f"{filter_.since:013d}"
        highest = _LAST if filter_.until is None else f"{filter_.until:013d}{_LAST}"

        def query(shard: str, first: str, last: str, most: int) -> Iterator[DeadLetter]:
            within = DeadLetterRow.dead_letter_id.between(first, last)
            rows = DeadLetterRow.live.query(shard, within, scan_index_forward=False, limit=most, page_size=most)
            return map(_letter, rows)

        def is_kept(letter: DeadLetter) -> bool:
            return self._is_kept(letter) and filter_.keeps(letter)

        position = attrgetter("id")
        listed = ShardedList(self.shards.all(account), between(lowest, highest, query, position), position, is_kept)
        return self.calls.make(lambda: listed.page(before=before, limit=limit))

    def find(self, account: AccountId, letter_id: DeadLetterId) -> DeadLetter | None:
        """Read a dead letter or its tombstone, consistently."""
        row = self.calls.find(DeadLetterRow, letter_key(account, letter_id))
        letter = None if row is None else _letter(row)
        return letter if letter is not None and self._is_kept(letter) else None

    def find_all(self, account: AccountId, ids: Sequence[DeadLetterId]) -> dict[DeadLetterId, DeadLetter]:
        """Read up to 100 dead letters and tombstones in one call, consistently; what there is not is left out."""
        keys = [letter_key(account, letter_id) for letter_id in ids]
        rows = self.calls.find_all(DeadLetterRow, keys)
        return {letter.id: letter for letter in map(_letter, rows) if self._is_kept(letter)}

    def _is_kept(self, letter: DeadLetter) -> bool:
        assert letter.expires_at is not None
        return self.now() < letter.expires_at
