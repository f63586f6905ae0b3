"""What an account settles for itself, over our own dialect."""

from typing import Annotated

from msgspec import Meta

from chalicelib.core.access import Scope
from chalicelib.core.settings import DAY_S, AccountSettings
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.ops.reading import read_no_query
from chalicelib.dialects.ops.shapes import Shape
from chalicelib.dialects.services import Services


class Settings(Shape, frozen=True):
    """For how long (seconds) a dead letter is kept: those that come from now on."""

    dead_letter_retention: Annotated[int, Meta(ge=60, le=366 * DAY_S)]


def show(services: Services, call: Call) -> Answer:
    read_no_query(call)
    return answer(Settings(services.accounts.settings(call.account).retention_s))


def save(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked = read_struct(read_json(call.body), Settings)
    services.accounts.save(call.account, AccountSettings(asked.dead_letter_retention))
    return answer(asked)


OPERATIONS = (
    Operation(
        Route("GET", "/ops/v1/settings", Scope.READ, show),
        "Show what the account has settled, within a minute",
        answers={200: (Settings,)},
    ),
    Operation(
        Route("PUT", "/ops/v1/settings", Scope.ADMIN, save, JSON_TYPE),
        "Settle; everywhere it is heeded within a minute",
        answers={200: (Settings,)},
        body=Settings,
    ),
)
