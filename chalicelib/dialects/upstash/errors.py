"""A refusal as QStash says it: `{"error": "…"}`. What we add beside it, the SDKs pass over.

Without `RateLimit-Limit`, which means a used-up day, a 429 is one of bursts to the SDKs: they read when it is over.
"""

from typing import NotRequired, TypedDict

from chalicelib.core.access import Unauthenticated
from chalicelib.core.errors import Invalid, RestartError, Throttled
from chalicelib.dialects.edge import RETRY_AFTER_S, Answer
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.statuses import status_of, statuses
from chalicelib.dialects.upstash.ids import plain_run_id
from chalicelib.service.dead_letters import DeadLettersGone


class Error(TypedDict):
    """Why nothing was done. Of dead letters that are gone, `became` names the runs that they became."""

    error: str
    code: str
    missing: NotRequired[list[str]]
    became: NotRequired[dict[str, str]]


class QuotaExceeded(Invalid):
    """More than this service keeps. To the SDKs 412 is an error that trying again does not mend."""

    code = "quota_exceeded"

    def __init__(self, name: str, most: str) -> None:
        super().__init__(f"'{name}' is more than this service allows: {most} is the most.", field=name)


class ParameterInvalid(Invalid):
    code = "invalid_parameter"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"'{name}' {problem}.", parameter=name)


class HeaderInvalid(Invalid):
    code = "invalid_header"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}", header=name)


_STATUSES = statuses({QuotaExceeded: 412, Throttled: 429})


def write_error(error: RestartError) -> Answer:
    body: Error = {"error": error.message, "code": error.code}
    headers: dict[str, str] = {}
    if isinstance(error, DeadLettersGone):
        body["missing"] = list(error.missing)
        body["became"] = {letter: plain_run_id(run) for letter, run in error.became.items()}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Throttled):
        headers |= {"Burst-RateLimit-Remaining": "0", "Burst-RateLimit-Reset": str(RETRY_AFTER_S)}
    return answer(body, status_of(error, _STATUSES), headers)
