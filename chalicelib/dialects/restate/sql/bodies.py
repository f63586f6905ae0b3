"""The body of `POST /query`: an object whose `query` is a text."""

from chalicelib.dialects.json_bodies import read_json
from chalicelib.dialects.restate.refusals import BodyUndecodable


def read_query_text(body: bytes) -> str:
    """Answer the query that is asked; raise `BodyUndecodable` or `NotJson`."""
    value = read_json(body)
    end = _place_of_end(body)
    if not isinstance(value, dict):
        raise BodyUndecodable(f"expected struct QueryRequest {end}")
    if "query" not in value:
        raise BodyUndecodable(f"missing field `query` {end}")
    query = value["query"]
    if not isinstance(query, str):
        raise BodyUndecodable(f"query: invalid type, expected a string {end}")
    return query


def _place_of_end(body: bytes) -> str:
    """Say where a body ends, as serde does: the last line, and the column of its last character (in bytes)."""
    lines = body.rstrip().split(b"\n")
    return f"at line {len(lines)} column {len(lines[-1])}"
