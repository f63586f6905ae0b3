"""Names on Camunda's wire: `key:version:uuid` of a definition; runs are process instances by their own ids.

A tenant's definition of a key is a definition of its own: `key(tenant)`.
"""

import re
from dataclasses import dataclass

from chalicelib.core.ids import AccountId, DefinitionKey, derived_uuid

_ID = re.compile(r"([^:]+):([1-9][0-9]{0,7}):([0-9a-f-]{36})")
_TENANT = re.compile(r"(.+)\(([A-Za-z0-9_.\-]+)\)")


@dataclass(frozen=True, slots=True)
class DefinitionName:
    """A version of a definition, as Camunda names it."""

    key: str
    version: int
    tenant: str | None = None

    @property
    def definition(self) -> DefinitionKey:
        """Name our definition."""
        return definition_key(self.key, self.tenant)

    def write(self, account: AccountId) -> str:
        return f"{self.key}:{self.version}:{_uuid(account, self.definition, self.version)}"


def definition_key(key: str, tenant: str | None = None) -> DefinitionKey:
    """Name our definition of a key and a tenant."""
    return DefinitionKey(key if tenant is None else f"{key}({tenant})")


def name_of(definition: DefinitionKey, version: int) -> DefinitionName:
    """Answer how Camunda names a version of one of our definitions."""
    found = _TENANT.fullmatch(definition)
    if found is None:
        return DefinitionName(definition, version)
    return DefinitionName(found[1], version, found[2])


def tenant_of(definition: DefinitionKey) -> str | None:
    return name_of(definition, 0).tenant


def write_definition_id(account: AccountId, definition: DefinitionKey, version: int | None) -> str:
    """Write the id of a version; a draft that was never published is version 0."""
    return name_of(definition, version or 0).write(account)


def split_definition_id(text: str) -> tuple[str, int, str] | None:
    """Answer key, version and UUID of an id; None if it cannot be one."""
    found = _ID.fullmatch(text)
    return (found[1], int(found[2]), found[3]) if found else None


def is_id_of(account: AccountId, definition: DefinitionKey, version: int, uuid: str) -> bool:
    """Say whether a UUID is that of this version."""
    return uuid == _uuid(account, definition, version)


def _uuid(account: AccountId, definition: DefinitionKey, version: int) -> str:
    return derived_uuid(account, "camunda_definition", definition, str(version))
