"""Write-sharded index keys: a list's partition is cut into a constant number of shards and read by merging.

The number may only ever grow: readers look at all shards, and what was written stays where it is.
"""

from dataclasses import dataclass
from zlib import crc32

from chalicelib.core.ids import AccountId, RunId


def run_key(account: AccountId, run_id: RunId) -> str:
    return f"{account}#{run_id}"


@dataclass(frozen=True, slots=True)
class Shards:
    """How many shards a list has, and how many the sweep's index has."""

    lists: int
    due: int

    def of(self, prefix: str, name: str) -> str:
        return f"{prefix}#{crc32(name.encode()) % self.lists}"

    def all(self, prefix: str) -> list[str]:
        return [f"{prefix}#{shard}" for shard in range(self.lists)]

    def due_of(self, run_id: RunId, *, is_of_many: bool = False) -> str:
        """Answer where the sweep finds a run; those that were made together stand by themselves."""
        return f"{_due(is_of_many=is_of_many)}#{crc32(run_id.encode()) % self.due}"

    def all_due(self, *, is_of_many: bool = False) -> list[str]:
        return [f"{_due(is_of_many=is_of_many)}#{shard}" for shard in range(self.due)]


def _due(*, is_of_many: bool) -> str:
    return "due#many" if is_of_many else "due"
