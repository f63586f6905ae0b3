"""Awakeables over the ingress: open user tasks, by ids that hold run and entry."""

import base64
from typing import Any

import pytest

from tests.dialects.client import Api
from tests.dialects.restate.ingress.stories import OURS, Pauses, call, error, handlers, id_in, publish
from tests.graphs import Ask, Call, Pause, steps
from tests.world import World

APPROVAL = steps(Call("charge"), Ask("approve"))


def awakeables(api: Api, invocation: str) -> Any:
    return api.get(f"{OURS}/invocation/{invocation}/awakeables").json


@pytest.fixture
def invocation(api: Api) -> str:
    publish(api, handlers(APPROVAL))
    return id_in(call(api, "/Greeter/greet"))


def test_a_task_is_listed_with_its_id_and_is_resolved_with_the_body(api: Api, invocation: str) -> None:
    [awakeable] = awakeables(api, invocation)
    assert awakeable["name"] == "approve"
    assert awakeable["id"].startswith("sign_1")
    assert len(awakeable["id"]) == len("sign_1") + 38

    resolved = call(api, f"/restate/awakeables/{awakeable['id']}/resolve", {"approved": True})

    assert (resolved.status, resolved.body) == (202, b"")
    assert api.get(f"{OURS}/invocation/{invocation}/output").json["approved"] is True
    assert awakeables(api, invocation) == []


def test_a_waiting_caller_is_answered_when_it_is_resolved(api: Api, pauses: Pauses) -> None:
    publish(api, handlers(APPROVAL))
    sent = id_in(call(api, "/Greeter/greet", idempotency_key="k"))
    [awakeable] = awakeables(api, sent)
    pauses.meanwhile.append(lambda: call(api, f"/restate/awakeables/{awakeable['id']}/resolve", "yes"))

    assert call(api, "/Greeter/greet", idempotency_key="k").json["body"] == "yes"


def test_resolving_again_changes_nothing_and_says_so_as_little_as_a_server(
    api: Api, world: World, invocation: str
) -> None:
    [awakeable] = awakeables(api, invocation)
    path = f"/restate/awakeables/{awakeable['id']}/resolve"
    assert call(api, path, {"approved": True}).status == 202
    before = world.everything()

    assert [call(api, path, body).status for body in ({"approved": True}, {"approved": False}, None)] == [202] * 3

    assert world.everything() == before


def test_an_id_of_an_older_protocol_is_read_too(api: Api, invocation: str) -> None:
    [awakeable] = awakeables(api, invocation)
    older = awakeable["id"].replace("sign", "prom")

    assert call(api, f"/restate/awakeables/{older}/resolve").status == 202
    assert api.get(f"{OURS}/output/{invocation}").status == 200


def test_a_timer_is_none(api: Api) -> None:
    publish(api, handlers(Pause("dry", 3_600)))

    assert awakeables(api, id_in(call(api, "/Greeter/greet"))) == []


def test_a_paused_invocation_takes_none(api: Api, world: World, invocation: str) -> None:
    [awakeable] = awakeables(api, invocation)
    run = api.get("/ops/v1/runs").json["runs"][0]["id"]
    assert api.post(f"/ops/v1/runs/{run}/pause").status == 200
    before = world.everything()

    assert error(call(api, f"/restate/awakeables/{awakeable['id']}/resolve"))[0] == 409
    assert world.everything() == before


def encoded(*parts: bytes) -> str:
    return base64.urlsafe_b64encode(b"".join(parts)).decode().rstrip("=")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("inv_1abc", "id doesn't match the expected type"),
        ("sign", "unrecognized codec version"),
        ("sign_2abc", "unrecognized codec version"),
        ("sign_1", "bad length"),
        (f"sign_1{encoded(bytes(27))}", "bad length"),
        (f"sign_1{encoded(bytes(29))}", "bad length"),
        ("sign_1(", "base62 decode error"),
        ("sign_1%C3%A9", "base62 decode error"),
    ],
)
@pytest.mark.parametrize("verb", ["resolve", "reject"])
def test_an_id_that_is_none_is_refused(api: Api, given: str, reason: str, verb: str) -> None:
    status, message = error(call(api, f"/restate/awakeables/{given}/{verb}"))

    assert (status, message.rpartition(": ")[2]) == (400, reason)
    assert message.startswith("bad awakeable id '")


@pytest.mark.parametrize("entry", [0, 1, 9, 2**32 - 1])
def test_what_is_no_task_is_not_found(api: Api, world: World, invocation: str, entry: int) -> None:
    [awakeable] = awakeables(api, invocation)
    number = base64.urlsafe_b64decode(awakeable["id"].removeprefix("sign_1") + "==")
    before = world.everything()

    for id_ in (encoded(number[:24], entry.to_bytes(4, "big")), encoded(bytes(24), number[24:])):
        assert error(call(api, f"/restate/awakeables/sign_1{id_}/resolve"))[0] == 404

    assert world.everything() == before


def test_nobody_elses_is_found(stranger: Api, api: Api, world: World, invocation: str) -> None:
    [awakeable] = awakeables(api, invocation)

    assert error(call(stranger, f"/restate/awakeables/{awakeable['id']}/resolve")) == (404, "invocation not found")


def test_a_rejection_is_refused_as_it_cannot_be_honoured(api: Api, world: World, invocation: str) -> None:
    [awakeable] = awakeables(api, invocation)
    before = world.everything()

    status, message = error(call(api, f"/restate/awakeables/{awakeable['id']}/reject", "no"))

    assert (status, message.partition(":")[0]) == (400, "cannot reject an awakeable")
    assert world.everything() == before
