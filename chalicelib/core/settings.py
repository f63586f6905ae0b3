"""What an account may settle for itself."""

from dataclasses import dataclass

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """`retention_s`: how long (s) a dead letter is kept from the failure on, for those that come from now on."""

    retention_s: int = 7 * DAY_S
