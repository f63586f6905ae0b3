"""From the text of a query to what it asks.

sqlglot takes some 100 ms to import, so it is imported when the first query arrives and not before
(docs/decisions/0008-a-parser-for-sql.md).
"""

from chalicelib.dialects.restate.sql.queries import Query
from chalicelib.dialects.restate.sql.refusals import NotSupported

MAX_TEXT = 65_536  # characters; a thousand ids take 42,000


def parse(text: str, at: int) -> Query:
    """Read a query; `at` is its `now()` (ms). Raises `QueryRefused`."""
    if len(text) > MAX_TEXT:
        raise NotSupported(f"a query of more than {MAX_TEXT} characters")
    from chalicelib.dialects.restate.sql.statements import read_query  # sqlglot's import cost

    try:
        return read_query(text, at)
    except RecursionError as error:
        raise NotSupported("a query as deep as this one") from error
