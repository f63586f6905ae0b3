"""Our own dialect as a whole: every route, and the document that describes them."""

from chalicelib.dialects.credentials import bearer_or_api_key
from chalicelib.dialects.edge import Answer, Call, Dialect, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import About, Operation, described
from chalicelib.dialects.ops import apps, audit, definitions, keys, restarts, retention, runs, settings
from chalicelib.dialects.ops.answers import Error, Health
from chalicelib.dialects.ops.errors import write_error
from chalicelib.dialects.services import Services

ABOUT = About(
    title="Reprise",
    description="Definitions, runs, and their restarts. A restart is a new run made from an ended one.",
    error=Error,
    security={
        "bearer": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "Api-Key"},
    },
)


def health(_services: Services, _call: Call) -> Answer:
    return answer(Health())


OPERATIONS = described(
    "/ops/v1/openapi.json",
    ABOUT,
    (
        Operation(Route("GET", "/health", None, health), "Say that the service answers", answers={200: (Health,)}),
        Operation(
            Route("GET", "/ops/v1/health", None, health), "Say that the service answers", answers={200: (Health,)}
        ),
        *definitions.OPERATIONS,
        *retention.OPERATIONS,
        *runs.OPERATIONS,
        *restarts.OPERATIONS,
        *apps.OPERATIONS,
        *keys.OPERATIONS,
        *audit.OPERATIONS,
        *settings.OPERATIONS,
    ),
)

DIALECT = Dialect(
    name="ops",
    routes=tuple(operation.route for operation in OPERATIONS),
    read_secret=bearer_or_api_key,
    write_error=write_error,
)
