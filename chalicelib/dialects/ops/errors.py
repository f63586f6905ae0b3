"""A refusal in our own words: one shape, and one table from the tree of refusals to HTTP."""

from chalicelib.core.access import Unauthenticated
from chalicelib.core.errors import RestartError
from chalicelib.core.refusals import JournalGone, KeyReused
from chalicelib.dialects.edge import Answer
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.ops.answers import Error, Problem
from chalicelib.dialects.statuses import status_of, statuses

_STATUSES = statuses({KeyReused: 422, JournalGone: 410})


def write_error(error: RestartError) -> Answer:
    problem = Error(Problem(error.code, error.message, dict(error.details)))
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    return answer(problem, status_of(error, _STATUSES), headers)
