"""The body of `POST /query`: an object whose `query` is a text."""

from chalicelib.dialects.restate.bodies import place_of_end, read_object
from chalicelib.dialects.restate.refusals import BodyUndecodable


def read_query_text(body: bytes) -> str:
    """Answer the query that is asked; raise `BodyUndecodable` or `NotJson`."""
    query = read_object(body, "QueryRequest", "query")["query"]
    if not isinstance(query, str):
        raise BodyUndecodable(f"query: invalid type, expected a string {place_of_end(body)}")
    return query
