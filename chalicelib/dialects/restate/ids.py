"""Restate's ids: a prefix, a codec version, and numbers in base62.

| id      | is `…_1` and                                        | ours                                          |
|---------|-----------------------------------------------------|-----------------------------------------------|
| `inv_1` | 11 characters of a u64, 22 of a u128                | the lineage root's hash; the run's UUID       |
| `dp_1`  | 22 characters of a u128                             | the 128 bits of a version's snapshot id       |

A number is its bytes read backwards, as restate-server 1.7 writes it. Runs of one lineage share the first number, as
Restate's restarts do; it is not read: the second one names the run.
"""

from dataclasses import dataclass
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final
from uuid import UUID

from chalicelib.core.errors import Invalid
from chalicelib.core.ids import RunId, SnapshotId
from chalicelib.core.versions import NamedVersion, PublishedVersion, SameVersion, VersionChoice

_ALPHABET: Final = digits + ascii_lowercase + ascii_uppercase
_VALUE: Final = {character: value for value, character in enumerate(_ALPHABET)}
_VERSION: Final = "1"
_PREFIXES: Final = frozenset({"inv", "dp", "sub", "prom", "sign", "snap", "mut", "vq"})
_KEY_BYTES: Final = 8
_ID_BYTES: Final = 16
_WIDTHS: Final = {_KEY_BYTES: 11, _ID_BYTES: 22}
_DEPLOYMENTS: Final[dict[str, VersionChoice]] = {
    "keep": SameVersion(),
    "Keep": SameVersion(),
    "latest": PublishedVersion(),
    "Latest": PublishedVersion(),
}


@dataclass(frozen=True, slots=True)
class _Kind:
    """What ids of a prefix hold: numbers of so many bytes."""

    prefix: str
    sizes: tuple[int, ...]


_INVOCATION: Final = _Kind("inv", (_KEY_BYTES, _ID_BYTES))
_DEPLOYMENT: Final = _Kind("dp", (_ID_BYTES,))


class IdInvalid(Invalid):
    """`reason` is Restate's own (restate-types, `IdDecodeError`), wherever the id stands."""

    code = "invalid_id"

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"The {place} is invalid. Reason: {reason}", reason=reason)
        self.reason = reason


# -- invocations are runs


def write_run_id(run: RunId, root: RunId) -> str:
    """Write a run's id; `root` is the first run of its lineage."""
    return _written(_INVOCATION, _key_of(root), UUID(run).bytes)


def read_run_id(text: str) -> RunId:
    """Read which run is meant, whether there is one or not; raise `IdInvalid`."""
    _, run = _read(_INVOCATION, text, "request field 'invocation_id'")
    return RunId(str(UUID(bytes=run)))


def partition_key(root: RunId) -> int:
    """Answer what Restate calls the partition key of every run of a lineage."""
    return int.from_bytes(_key_of(root), "big")


def _key_of(root: RunId) -> bytes:
    return sha256(root.encode()).digest()[:_KEY_BYTES]


# -- deployments are versions


def write_version_id(snapshot: SnapshotId) -> str:
    return _written(_DEPLOYMENT, bytes.fromhex(snapshot.removeprefix("snap_")))


def read_version_id(text: str, place: str = "request field 'deployment_id'") -> SnapshotId:
    """Read which version is meant, whether there is one or not; raise `IdInvalid`."""
    (snapshot,) = _read(_DEPLOYMENT, text, place)
    return SnapshotId(f"snap_{snapshot.hex()}")


def read_deployment(
    given: str | None, default: VersionChoice, place: str = "query parameter 'deployment'"
) -> VersionChoice:
    """Read `keep`, `latest` or an id; raise `IdInvalid`. Letters count: `KEEP` is taken for an id."""
    if given is None:
        return default
    return _DEPLOYMENTS.get(given) or NamedVersion(read_version_id(given, place))


# -- the codec


def _written(kind: _Kind, *numbers: bytes) -> str:
    return f"{kind.prefix}_{_VERSION}" + "".join(_base62(number) for number in numbers)


def _base62(number: bytes) -> str:
    rest, characters = int.from_bytes(number, "little"), ""
    for _ in range(_WIDTHS[len(number)]):
        rest, value = divmod(rest, len(_ALPHABET))
        characters = _ALPHABET[value] + characters
    return characters


def _read(kind: _Kind, text: str, place: str) -> tuple[bytes, ...]:
    """Answer the numbers of an id, or raise its first fault in the order in which the server looks for them."""
    prefix, underscore, rest = text.partition("_")
    version, characters = rest[:1], rest[1:]
    width = sum(_WIDTHS[size] for size in kind.sizes)
    numbers = _numbers(kind, characters)
    faults = (
        (not text, "bad length"),
        (not underscore, "bad format"),
        (prefix not in _PREFIXES, f"unrecognized resource type: {prefix}"),
        (not rest, "bad length"),
        (version != _VERSION, "unrecognized codec version"),
        (prefix != kind.prefix, "id doesn't match the expected type"),
        (len(characters) < width, "bad length"),
        (numbers is None, "base62 decode error"),
        (len(characters) > width, "bad length"),
    )
    for is_fault, reason in faults:
        if is_fault:
            raise IdInvalid(place, reason)
    assert numbers is not None
    return numbers


def _numbers(kind: _Kind, characters: str) -> tuple[bytes, ...] | None:
    """Decode the numbers at the beginning of these characters; None if one of them is no number of its size."""
    numbers: list[bytes] = []
    for size in kind.sizes:
        width = _WIDTHS[size]
        number = _number(characters[:width])
        if number is None or number >= 1 << 8 * size:
            return None
        numbers.append(number.to_bytes(size, "little"))
        characters = characters[width:]
    return tuple(numbers)


def _number(characters: str) -> int | None:
    number = 0
    for character in characters:
        value = _VALUE.get(character)
        if value is None:
            return None
        number = number * len(_ALPHABET) + value
    return number
