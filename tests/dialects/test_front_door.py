"""The way in on AWS: whatever comes by the one greedy path goes to the route that it would have had on API Gateway."""

import json
from typing import Any

import pytest
from chalice.local import LambdaContext

import app
from chalicelib.dialects.front_door import GREEDY, FrontDoor
from chalicelib.dialects.paths import Place
from tests.dialects.client import Api
from tests.world import World

Event = dict[str, Any]


def sent(path: str, method: str = "GET", **headers: str) -> Event:
    """Answer what API Gateway hands over for a request by the greedy path; `path` has no slash before it."""
    return {
        "resource": GREEDY if path else "/",
        "path": f"/{path}",
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": path} if path else None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": GREEDY if path else "/",
            "httpMethod": method,
            "requestId": "request-1",
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "body": None,
        "isBase64Encoded": False,
    }


def routed(path: str, *routes: str) -> tuple[str, dict[str, str]]:
    """Answer where a path leads among some routes."""
    door = FrontDoor(Place.of(routes).route_of, lambda event, _context: event, lambda *asked: (asked[2], {}, asked[1]))
    answer = door(sent(path), None)
    if "statusCode" in answer:
        return "", {}
    assert answer["resource"] == answer["requestContext"]["resourcePath"]
    return answer["resource"], answer["pathParameters"]


@pytest.mark.parametrize(
    ("path", "routes", "found"),
    [
        ("a/1", ["/a/{x}"], ("/a/{x}", {"x": "1"})),
        ("a/1/", ["/a/{x}"], ("/a/{x}", {"x": "1"})),
        ("a/b", ["/a/{x}", "/a/b"], ("/a/b", {})),
        ("a/b/c", ["/a/{x}/c", "/a/b"], ("/a/{x}/c", {"x": "b"})),
        ("v2/api/1", ["/v2/x/{y}", "/{prefix}/api/{id}"], ("/{prefix}/api/{id}", {"prefix": "v2", "id": "1"})),
        ("a/x%2Fy%20z", ["/a/{x}"], ("/a/{x}", {"x": "x%2Fy%20z"})),
        ("a", ["/a/{x}"], ("", {})),
        ("a/1/2", ["/a/{x}"], ("", {})),
        ("", ["/a"], ("", {})),
        ("", ["/"], ("/", {})),
    ],
)
def test_a_path_finds_its_route(path: str, routes: list[str], found: tuple[str, dict[str, str]]) -> None:
    assert routed(path, *routes) == found


def test_every_route_of_the_app_is_found_by_a_path_of_its_own() -> None:
    for route in app.app.routes:
        path = route.strip("/").replace("{", "a-").replace("}", "")

        assert routed(path, *app.app.routes)[0] == route


def ask(path: str, method: str = "GET", **headers: str) -> Event:
    return app.front_door(sent(path, method, **headers), LambdaContext("api_handler", 1024))


def test_what_comes_in_is_answered_as_ever(world: World, api: Api) -> None:
    answer = ask("ops/v1/keys", authorization=f"Bearer {api.secret}")

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["keys"]
    assert answer["headers"]["x-request-id"] == "request-1"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", {"error": {"code": "not_found", "message": "No such route.", "details": {}}}),
        ("nowhere/at/all", {"error": {"code": "not_found", "message": "No such route.", "details": {}}}),
        ("engine-rest/nowhere", {"type": "NotFoundException", "message": "No such route.", "code": None}),
    ],
)
def test_what_is_no_route_is_told_in_its_dialect_s_shape(world: World, path: str, says: Any) -> None:
    answer = ask(path)

    assert (answer["statusCode"], json.loads(answer["body"])) == (404, says)
    assert answer["headers"]["x-request-id"] == "request-1"


def test_a_wrong_method_is_told_the_right_ones(world: World) -> None:
    answer = ask("health", "DELETE")

    assert (answer["statusCode"], answer["headers"]["Allow"]) == (405, "GET")
