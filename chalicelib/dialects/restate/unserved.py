"""Version 1 of the admin API, which the server knows and does not serve any more: its paths say so."""

from collections.abc import Mapping
from typing import NoReturn

from chalicelib.dialects.edge import Call, Route
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.restate.places import PATH
from chalicelib.dialects.restate.refusals import VersionUnserved
from chalicelib.dialects.services import Services

_PATHS: Mapping[str, str] = {
    f"/v1{PATH}": "DELETE",
    f"/v1{PATH}/{{operation}}": "PATCH",
    "/v1/internal/invocations_batch_operations/{operation}": "POST",
}


def _unserved(_services: Services, _call: Call) -> NoReturn:
    raise VersionUnserved("V1")


OPERATIONS = tuple(
    Operation(
        Route(method, path, None, _unserved, free=frozenset({"invocation_id", "operation"})),
        "Say that version 1 of the admin API is not served",
        answers={},
        refusals=(400,),
    )
    for path, method in _PATHS.items()
)
