"""What brings a run about. The edge says so of every call, and loads nothing else for that."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """What brought a run about: through which dialect, by whose key, why, on what command, from which IP address.

    `batch` names the batch that a restart was a part of, `request_id` the request that all of it began with.
    """

    dialect: str
    actor: str
    reason: str = ""
    command: str = ""
    address: str = ""
    batch: str = ""
    request_id: str = ""
