"""Dead letters in DynamoDB. A live one is in the index `live`; a consumed one stays as a tombstone."""

from dataclasses import dataclass

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.core.dead_letters import DeadLetter
from chalicelib.core.ids import AccountId, DeadLetterId, DefinitionKey, RunId
from chalicelib.core.journal import Failure
from chalicelib.stores.calls import Calls
from chalicelib.stores.entries import plain, read
from chalicelib.stores.packing import pack, unpack
from chalicelib.stores.pages import Page, ShardedList
from chalicelib.stores.shards import Shards
from chalicelib.stores.tables import DeadLetterRow


def letter_row(letter: DeadLetter, shards: Shards) -> DeadLetterRow:
    return DeadLetterRow(
        pk=letter_key(letter.account, letter.id),
        account=letter.account,
        dead_letter_id=letter.id,
        live_shard=shards.of(letter.account, letter.run),
        run_id=letter.run,
        definition_key=letter.definition,
        business_key=letter.business_key,
        labels=set(letter.labels) or None,
        failure=pack(plain(letter.failure)),
        at=letter.at,
    )


def unlisted(transaction: TransactWrite, account: AccountId, letter: DeadLetterId, by: RunId) -> None:
    """Let a transaction make a dead letter a tombstone that names the first run it became."""
    actions: list[Action] = [
        DeadLetterRow.consumed_by.set(DeadLetterRow.consumed_by | by),
        DeadLetterRow.live_shard.remove(),
    ]
    row = DeadLetterRow(letter_key(account, letter))
    transaction.update(row, actions=actions, condition=DeadLetterRow.pk.exists())


def letter_key(account: AccountId, letter: DeadLetterId) -> str:
    return f"{account}#{letter}"


def _letter(row: DeadLetterRow) -> DeadLetter:
    return DeadLetter(
        account=AccountId(row.account),
        id=DeadLetterId(row.dead_letter_id),
        run=RunId(row.run_id),
        definition=DefinitionKey(row.definition_key),
        failure=read(unpack(row.failure), Failure),
        at=int(row.at),
        business_key=row.business_key,
        labels=tuple(sorted(row.labels or ())),
        consumed_by=RunId(row.consumed_by) if row.consumed_by else None,
    )


@dataclass(frozen=True, slots=True)
class DeadLetterStore:
    calls: Calls
    shards: Shards

    def live(self, account: AccountId, *, before: str | None, limit: int) -> Page[DeadLetter]:
        """List dead letters that no restart has consumed, newest first."""

        def scan(shard: str, below: str | None, size: int) -> list[DeadLetter]:
            condition = None if below is None else DeadLetterRow.dead_letter_id < below
            query = DeadLetterRow.live.query(shard, condition, scan_index_forward=False, limit=size, page_size=size)
            return [_letter(row) for row in query]

        listed = ShardedList(self.shards.all(account), scan, lambda letter: letter.id)
        return self.calls.make(lambda: listed.page(before=before, limit=limit))
