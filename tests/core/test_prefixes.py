import pytest

from chalicelib.core.ids import ActivityId
from chalicelib.core.journal import Closed, Entry, Failure, Input, Opened, Output, Performed, Signal, SignalName
from chalicelib.core.prefixes import after_entry, before_failure
from chalicelib.core.refusals import EntryOutOfRange, PrefixIncomplete

INPUT = Input({}, at=0)
OUTPUT = Output(at=9)
CANCEL = Signal(SignalName.CANCEL, at=9)
FAILURE = Failure("a", "http_503", "unwell")


def did(activity: str) -> Performed:
    return Performed(ActivityId(activity), 1, at=1)


def opened(activity: str) -> Opened:
    return Opened(ActivityId(activity), 1, at=1)


def closed(entry: int) -> Closed:
    return Closed(entry, at=2)


FAILED = Performed(ActivityId("a"), 1, at=3, failure=FAILURE)
BOTH_CLOSED: list[Entry] = [INPUT, did("a"), opened("b"), opened("c"), did("d"), closed(3), did("e"), closed(2), OUTPUT]

KEPT: list[tuple[int, list[Entry]]] = [
    (0, [INPUT]),
    (1, [INPUT, did("a")]),
    (2, [INPUT, did("a"), opened("b"), closed(2)]),
    (3, [INPUT, did("a"), opened("b"), opened("c"), closed(3), closed(2)]),
    (4, [INPUT, did("a"), opened("b"), opened("c"), did("d"), closed(3), closed(2)]),
    (5, [INPUT, did("a"), opened("b"), opened("c"), did("d"), closed(3), closed(2)]),
    (6, [INPUT, did("a"), opened("b"), opened("c"), did("d"), closed(3), did("e"), closed(2)]),
    (7, BOTH_CLOSED[:-1]),
    (8, BOTH_CLOSED),
]


@pytest.mark.parametrize(("index", "kept"), KEPT)
def test_a_prefix_is_all_entries_up_to_the_index_and_the_closings_owed_to_them(index: int, kept: list[Entry]):
    assert after_entry(BOTH_CLOSED, index) == tuple(kept)


@pytest.mark.parametrize(
    ("index", "entries", "message"),
    [
        (2, [1], "The prefix holds waits that nobody ever closed: entries 1."),
        (3, [1, 3], "The prefix holds waits that nobody ever closed: entries 1, 3."),
        (4, [1, 3], "The prefix holds waits that nobody ever closed: entries 1, 3."),
    ],
)
def test_a_prefix_with_a_wait_that_was_never_closed_is_refused(index: int, entries: list[int], message: str):
    journal: list[Entry] = [INPUT, opened("b"), opened("c"), opened("d"), closed(2), CANCEL]

    with pytest.raises(PrefixIncomplete) as refusal:
        after_entry(journal, index)

    assert refusal.value.details == {"entries": entries}
    assert refusal.value.message == message


@pytest.mark.parametrize(("index", "length"), [(-1, 9), (9, 9), (1000, 9)])
def test_a_prefix_up_to_an_entry_that_is_not_there_is_refused(index: int, length: int):
    with pytest.raises(EntryOutOfRange) as refusal:
        after_entry(BOTH_CLOSED, index)

    assert refusal.value.details == {"index": index, "length": length}


DONE: dict[str, tuple[list[Entry], list[Entry]]] = {
    "all before a failed action": ([INPUT, did("a"), FAILED, Output(9, failure=FAILURE)], [INPUT, did("a")]),
    "all before a failed output": ([INPUT, did("a"), Output(9, failure=FAILURE)], [INPUT, did("a")]),
    "all before a cancel": ([INPUT, did("a"), CANCEL], [INPUT, did("a")]),
    "all of a journal that goes on": ([INPUT, did("a"), did("b")], [INPUT, did("a"), did("b")]),
    "nothing but the input": ([INPUT, FAILED, Output(9, failure=FAILURE)], [INPUT]),
    "no wait that is still open": ([INPUT, opened("b"), did("a"), CANCEL], [INPUT, did("a")]),
    "a wait that is closed": ([INPUT, opened("b"), closed(1), CANCEL], [INPUT, opened("b"), closed(1)]),
    "closings by the new index of their waits": (
        [INPUT, opened("b"), opened("c"), did("a"), opened("d"), closed(2), opened("e"), closed(6), FAILED, OUTPUT],
        [INPUT, opened("c"), did("a"), closed(1), opened("e"), closed(4)],
    ),
}


@pytest.mark.parametrize(("journal", "kept"), DONE.values(), ids=DONE)
def test_what_is_kept_before_a_failure_is(journal: list[Entry], kept: list[Entry]):
    assert before_failure(journal) == tuple(kept)
