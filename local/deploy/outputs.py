"""What a deployed stack tells of itself, beside what Chalice lets it tell."""

from collections.abc import Mapping
from typing import Any

from local.deploy.watching import queues, tables


def outputs(template: Mapping[str, Any]) -> dict[str, Any]:
    """Tell the names of tables and the URLs of queues; `EndpointURL` and the function are Chalice's."""
    things = [*tables(template), *queues(template)]
    named = {name: {"Value": {"Ref": name}} for name in things}
    return named | {"Stage": {"Value": {"Ref": "Env"}, "Description": "The stage; part of every name"}}
