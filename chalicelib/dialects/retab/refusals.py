"""What Retab's clients can ask for and only this dialect refuses."""

from chalicelib.core.errors import Invalid, NotFound


class VersionInvalid(Invalid):
    code = "invalid_version"

    def __init__(self) -> None:
        super().__init__("'version' must be 'production', 'draft', or a version's id (ver_…).", field="version")


class CursorUnknown(Invalid):
    """A list's cursor is a run's id; this one is nobody's here."""

    code = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("Cursor does not match a resource in this organization and environment.")


class QueryInvalid(Invalid):
    code = "invalid_query"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(problem, field=name)


class BlockUnknown(NotFound):
    code = "block_not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} not found")
