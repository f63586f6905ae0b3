"""The API's way in: every path and method goes to one function, which knows the routes (dialects/front_door.py)."""

from typing import Any

from chalicelib.dialects.front_door import GREEDY

PATHS = ("/", GREEDY)


def with_front_path(sam: dict[str, Any]) -> dict[str, Any]:
    """Put two paths in the place of the hundreds that Chalice writes, a method at a time.

    Chalice's merge can add paths, and take none away.
    """
    api = sam["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    integration = next(iter(next(iter(api["paths"].values())).values()))["x-amazon-apigateway-integration"]
    any_method = {"responses": {}, "x-amazon-apigateway-integration": integration}
    proxy = {"name": "proxy", "in": "path", "required": True, "type": "string"}
    api["paths"] = {
        path: {"x-amazon-apigateway-any-method": any_method | ({"parameters": [proxy]} if "{" in path else {})}
        for path in PATHS
    }
    return sam
