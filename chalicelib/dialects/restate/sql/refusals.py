"""Why a query is not answered: `{"message"}` and a status (restate-server 1.7.12, rest_api/query.rs).

The beginnings of the messages are DataFusion's. What we do not do and DataFusion does is refused by name.
"""

from chalicelib.core.errors import Invalid


class QueryRefused(Invalid):
    code = "query_refused"
    status = 400


class QuerySyntax(QueryRefused):
    def __init__(self, problem: str) -> None:
        super().__init__(f"SQL error: {problem}")


class NotSupported(QueryRefused):
    def __init__(self, what: str) -> None:
        super().__init__(f"This feature is not implemented: {what}")


class QueryMeaningless(QueryRefused):
    def __init__(self, problem: str) -> None:
        super().__init__(f"Error during planning: {problem}")


class TableUnknown(QueryMeaningless):
    """A 500 on the real server, observed."""

    status = 500

    def __init__(self, name: str) -> None:
        super().__init__(f"table '{name}' not found")


class ColumnUnknown(QueryRefused):
    def __init__(self, name: str, table: str) -> None:
        super().__init__(f"Schema error: No field named {name} in {table}.")
