"""Which entries of a journal a new run may keep.

A kept Opened needs its Closed, or the new run would wait for somebody who came already; so a Closed that stands
behind the cut comes along. That the source was paused is no concern of the new run. Entries keep their order;
indexes become dense again.
"""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.core.journal import Closed, Entry, Journal, Opened, Output, Performed, Signal, SignalName
from chalicelib.core.refusals import EntryOutOfRange, PrefixIncomplete


def after_entry(journal: Journal, index: int) -> tuple[Entry, ...]:
    """Keep entries 0..index and the Closed entries owed to them; refuse if one of those never came."""
    if not 0 <= index < len(journal):
        raise EntryOutOfRange(index, len(journal))
    kept, rest = journal[: index + 1], journal[index + 1 :]
    owing = _open_waits(kept)
    owed = [entry for entry in rest if isinstance(entry, Closed) and entry.opened in owing]
    unpaid = owing - {entry.opened for entry in owed}
    if unpaid:
        raise PrefixIncomplete(sorted(unpaid))
    return _dense(journal, [i for i, entry in enumerate(kept) if not _is_pause(entry)], owed)


def before_failure(journal: Journal) -> tuple[Entry, ...]:
    """Keep all that succeeded: what comes before the failure or the cancel, without waits that are still open."""
    end = next((i for i, entry in enumerate(journal) if _is_the_end(entry)), len(journal))
    done = journal[:end]
    dropped = _open_waits(done)
    return _dense(journal, [i for i in range(end) if i not in dropped and not _is_pause(done[i])])


def _dense(journal: Journal, kept: Sequence[int], owed: Sequence[Entry] = ()) -> tuple[Entry, ...]:
    new_index = {old: new for new, old in enumerate(kept)}
    return tuple(_renumbered(entry, new_index) for entry in (*(journal[i] for i in kept), *owed))


def _open_waits(entries: Journal) -> set[int]:
    opened = {i for i, entry in enumerate(entries) if isinstance(entry, Opened)}
    return opened - {entry.opened for entry in entries if isinstance(entry, Closed)}


def _is_the_end(entry: Entry) -> bool:
    match entry:
        case Output() | Signal(name=SignalName.CANCEL):
            return True
        case Performed(failure=failure):
            return failure is not None
        case _:
            return False


def _is_pause(entry: Entry) -> bool:
    return isinstance(entry, Signal) and entry.name is not SignalName.CANCEL


def _renumbered(entry: Entry, new_index: dict[int, int]) -> Entry:
    return replace(entry, opened=new_index[entry.opened]) if isinstance(entry, Closed) else entry
