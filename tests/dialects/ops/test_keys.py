"""API keys: made with a secret that is told once, listed without it, revoked."""

import pytest

from tests.dialects.client import Api
from tests.graphs import Compute, document
from tests.world import MINUTE, World

KEYS = "/ops/v1/keys"


def test_a_key_is_made_with_a_secret_that_is_told_this_once(world: World, api: Api) -> None:
    reply = api.post(KEYS, {"name": "ci", "scopes": ["restart", "read", "read"], "environment": "test"})
    made = reply.json

    assert reply.status == 201
    assert made.pop("key").startswith("rsk_")
    assert (made["name"], made["scopes"], made["environment"]) == ("ci", ["read", "restart"], "test")
    assert (made["expires_at"], made["is_disabled"]) == (None, False)
    assert made in api.get(KEYS).json["keys"]
    assert b'"key":' not in api.get(KEYS).body


def test_a_secret_is_kept_nowhere(world: World, api: Api) -> None:
    secret = api.post(KEYS, {"name": "ci", "scopes": ["read"]}).json["key"]

    assert secret not in repr(world.everything())


def test_a_key_may_have_an_end(world: World, api: Api) -> None:
    ends = world.clock() + MINUTE
    made = api.post(KEYS, {"name": "ci", "scopes": ["read"], "expires_at": ends}).json

    again = api.post(KEYS, {"name": "ci", "scopes": ["read"], "expires_at": made["expires_at"]}).json
    assert again["expires_at"] == made["expires_at"]
    assert Api(made["key"]).get("/ops/v1/runs").status == 200
    world.clock.advance(MINUTE)
    assert Api(made["key"]).get("/ops/v1/runs").status == 401


@pytest.mark.parametrize("expires_at", [0, "2020-01-01T00:00:00Z", "now"])
def test_an_end_that_is_none_is_refused(world: World, api: Api, expires_at: int | str) -> None:
    before = world.everything()

    assert api.post(KEYS, {"name": "ci", "scopes": ["read"], "expires_at": expires_at}).status == 400
    assert world.everything() == before


def test_revoking_twice_is_revoking_once(api: Api) -> None:
    made = api.post(KEYS, {"name": "ci", "scopes": ["read"]}).json

    for _ in range(2):
        reply = api.delete(f"{KEYS}/{made['id']}")
        assert (reply.status, reply.body) == (204, b"")
    (shown,) = [key for key in api.get(KEYS).json["keys"] if key["id"] == made["id"]]
    assert shown["is_disabled"]


def test_nobody_sees_or_revokes_the_keys_of_others(api: Api, stranger: Api) -> None:
    made = api.post(KEYS, {"name": "ci", "scopes": ["read"]}).json

    assert made["id"] not in [key["id"] for key in stranger.get(KEYS).json["keys"]]
    assert stranger.delete(f"{KEYS}/{made['id']}").refusal == "key_not_found"
    assert Api(made["key"]).get("/ops/v1/runs").status == 200


def test_an_environment_is_a_world_of_its_own(world: World, api: Api) -> None:
    test = Api(api.post(KEYS, {"name": "t", "scopes": ["read", "write", "admin"], "environment": "test"}).json["key"])
    test.put("/ops/v1/definitions/order", document(Compute("count")))
    test.post("/ops/v1/definitions/order/publish")
    run = test.post("/ops/v1/definitions/order/runs").json["id"]

    assert test.get(f"/ops/v1/runs/{run}").status == 200
    assert api.get(f"/ops/v1/runs/{run}").status == 404
    assert api.get("/ops/v1/definitions").json["definitions"] == []


def test_a_key_of_another_environment_makes_none_that_is_live(world: World, api: Api) -> None:
    test = Api(api.post(KEYS, {"name": "t", "scopes": ["admin"], "environment": "test"}).json["key"])
    before = world.everything()

    reply = test.post(KEYS, {"name": "l", "scopes": ["admin"]})

    assert (reply.status, reply.refusal) == (403, "environment_not_allowed")
    assert world.everything() == before
    assert test.post(KEYS, {"name": "u", "scopes": ["read"], "environment": "test"}).status == 201
    assert len(test.get(KEYS).json["keys"]) == 2
