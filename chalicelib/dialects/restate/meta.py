"""What the server is: its version, and the versions of the admin API that it speaks. `/health` is everybody's."""

from typing import TypedDict

from chalicelib.dialects.edge import Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.services import Services

SERVER = "1.7.12"
"""The restate-server whose wire this is."""
VERSIONS = (2, 4)
"""The first and the last version of the admin API: clients take the highest that they know too."""


class Version(TypedDict):
    """The server's version, and the first and last version of the admin API that it speaks."""

    version: str
    min_admin_api_version: int
    max_admin_api_version: int
    features: dict[str, str]


def version(_services: Services, _call: Call) -> Answer:
    """Say the server's version and the admin API's; clients that find no `features` use paths without a version."""
    told: Version = {
        "version": SERVER,
        "min_admin_api_version": VERSIONS[0],
        "max_admin_api_version": VERSIONS[1],
        "features": {},
    }
    return answer(told)


OPERATIONS = (
    Operation(
        Route("GET", "/version", None, version),
        "Say the server's version and the admin API's",
        answers={200: (Version,)},
    ),
)
