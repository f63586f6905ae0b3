"""What the ingress refuses: in its own shape, and with nothing written."""

from collections.abc import Iterator

import pytest

from app import edge
from chalicelib.core.access import Scope
from chalicelib.core.errors import Busy, Throttled
from chalicelib.core.ids import AccountId
from chalicelib.dialects.restate.ingress.errors import write_error
from tests.dialects.client import Api, key_of
from tests.dialects.restate.ingress.stories import INGRESS, OURS, call, error, handlers, publish
from tests.graphs import Compute
from tests.world import World

GREET, ADD = "/Greeter/greet", "/Account/mary/add"
SERVICE_PATH = "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler"
NO_HANDLER = (
    "the service 'Greeter' exists, but the handler '{}' was not found, check that the handler exists in the latest"
    " registered service version."
)
JSON = {"content_type": "application/json"}


@pytest.fixture
def reader(world: World, account: AccountId) -> Api:
    return key_of(world, account, Scope.READ)


@pytest.fixture
def writer(world: World, account: AccountId) -> Api:
    return key_of(world, account, Scope.WRITE)


@pytest.fixture(autouse=True)
def _untouched(api: Api, stranger: Api, reader: Api, writer: Api, world: World) -> Iterator[None]:
    """Publish a service and an object, and expect that a test leaves every table as it was then."""
    assert api.put("/ops/v1/definitions/Draft", handlers(Compute("n"))).status == 200
    publish(api, handlers(Compute("n"), required=["name"]))
    publish(api, handlers(Compute("n"), "add", type="object"), "Account")
    before = world.everything()
    yield
    assert world.everything() == before


@pytest.mark.parametrize("suffix", ["", "/send"])
@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        (
            "/Unknown/greet",
            404,
            "service 'Unknown' not found, make sure to register the service before calling it.",
        ),
        (
            "/Greeter/wave",
            404,
            NO_HANDLER.format("wave"),
        ),
        (
            "/Greeter/v_n",
            404,
            NO_HANDLER.format("v_n"),
        ),
        ("/Greeter/mary/greet", 400, SERVICE_PATH),
        ("/Account/%FF/add", 400, "bad path, cannot decode key: it is not UTF-8"),
    ],
)
def test_a_path_that_leads_nowhere(api: Api, path: str, status: int, told: str, suffix: str) -> None:
    assert error(call(api, path + suffix, {"name": "Mary"})) == (status, told)


@pytest.mark.parametrize("path", ["/Account/add", "/Account/mary", "/Account/mary/add/later"])
def test_an_object_without_a_key_or_with_more_than_a_handler(api: Api, path: str) -> None:
    assert error(call(api, path)) == (400, SERVICE_PATH)


@pytest.mark.parametrize("path", ["/restate/call/Account/add", "/restate/send/Greeter/mary/greet"])
def test_a_verb_before_a_path_that_does_not_fit_the_service(api: Api, path: str) -> None:
    status, message = error(call(api, path))

    assert (status, message.partition(",")[0]) == (400, "bad path")


def test_a_service_that_is_not_published(api: Api) -> None:
    assert error(call(api, "/Draft/greet"))[0] == 404


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (b"{}", {}, "Empty content-type"),
        (b"{}", {"content_type": "text/plain"}, "Content-type 'text/plain' does not match 'application/json'"),
        (b"\xff\x00", {"content_type": "application/octet-stream"}, "Content-type 'application/octet-stream' does not"),
        (b"{", JSON, "The body is not JSON"),
        (b"\xff", JSON, "The body is not UTF-8"),
        (b'{"name": NaN}', JSON, "The body is not JSON"),
        (b"{}", JSON, "The definition requires variables that are missing: name."),
        (b"7", JSON, "The definition requires variables that are missing: name."),
        (None, {}, "The definition requires variables that are missing: name."),
    ],
)
@pytest.mark.parametrize("suffix", ["", "/send"])
def test_input_that_a_handler_does_not_take(
    api: Api, body: bytes | None, headers: dict[str, str], told: str, suffix: str
) -> None:
    status, message = error(api.post(f"{INGRESS}{GREET}{suffix}", body, **headers))

    assert status == 400
    assert message.startswith(f"input validation error: {told}")


@pytest.mark.parametrize("given", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_may_say_more_of_itself(api: Api, given: str) -> None:
    """(It fails later, of a handler that is unknown.)"""
    reply = api.post(f"{INGRESS}/Greeter/wave", b'{"name": "Mary"}', content_type=given)

    assert error(reply)[0] == 404


def test_a_body_that_is_too_large(api: Api) -> None:
    status, message = error(api.post(INGRESS + GREET, b'"' + b"x" * 1_000_000 + b'"', **JSON))

    assert (status, message.partition(":")[0]) == (413, "cannot read body")


@pytest.mark.parametrize("path", [GREET, ADD, "/restate/call/Greeter/greet"])
def test_a_call_that_is_to_come_later(api: Api, path: str) -> None:
    told = "cannot use the delay query parameter with calls. The delay is supported only with sends"

    assert error(call(api, f"{path}?delay=1s", {"name": "Mary"})) == (400, told)


@pytest.mark.parametrize("path", [GREET, f"{GREET}/send", f"{ADD}/send"])
def test_a_delay_that_is_none(api: Api, path: str) -> None:
    status, message = error(call(api, f"{path}?delay=soon", {"name": "Mary"}))

    assert (status, message.partition(":")[0]) == (400, "bad delay query parameter, must be a ISO8601 duration")


@pytest.mark.parametrize("key", ["", "two words", "k" * 256])
def test_an_idempotency_key_that_is_none(api: Api, key: str) -> None:
    assert error(call(api, GREET, {"name": "Mary"}, idempotency_key=key))[0] == 400


def test_a_key_that_is_too_long(api: Api) -> None:
    assert error(call(api, f"/Account/{'k' * 1025}/add"))[0] == 400


@pytest.mark.parametrize("path", [f"{OURS}/invocation/{{}}/{verb}" for verb in ("attach", "output", "awakeables")])
def test_an_invocation_that_there_is_not(api: Api, path: str) -> None:
    assert error(api.get(path.format("inv_1" + "0" * 33))) == (404, "invocation not found")
    assert error(api.get(path.format("inv_1"))) == (400, "bad invocation id 'inv_1': bad length")
    assert error(api.get(path.format("Greeter"))) == (400, "bad invocation id 'Greeter': bad format")


@pytest.mark.parametrize("verb", ["attach", "output"])
def test_an_invocation_of_another_account(api: Api, stranger: Api, verb: str) -> None:
    path = f"{OURS}/{verb}/inv_1{'0' * 33}"

    assert error(stranger.get(path)) == error(api.get(path)) == (404, "invocation not found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", GREET),
        ("DELETE", ADD),
        ("POST", f"/restate/attach/inv_1{'0' * 33}"),
        ("POST", f"/restate/invocation/inv_1{'0' * 33}/output"),
        ("GET", "/restate/awakeables/sign_1/resolve"),
    ],
)
def test_a_method_that_a_path_does_not_have(api: Api, method: str, path: str) -> None:
    assert error(api(method, INGRESS + path)) == (405, "method not allowed")


@pytest.mark.parametrize("path", ["/restate/greet", "/restate/greet/send", "/restate/lookup"])
def test_the_servers_own_name_is_no_services(api: Api, path: str) -> None:
    assert error(call(api, path)) == (404, "not found")


def test_a_path_that_nobody_knows() -> None:
    status, _, body = edge.unrouted("GET", f"{OURS}/what/ever/it/may/be", 404)

    assert (status, body) == (404, '{"code":404,"message":"not found","source":"ingress"}')


@pytest.mark.parametrize("path", [GREET, f"{ADD}/send", "/restate/awakeables/sign_1/resolve"])
def test_whoever_has_no_key(path: str) -> None:
    nobody = Api().post(INGRESS + path)

    assert error(nobody)[0] == 401
    assert nobody.headers["WWW-Authenticate"] == "Bearer"


def test_a_busy_ingress_says_what_may_be_repeated() -> None:
    busy, throttled = write_error(Busy("wait.")), write_error(Throttled())

    assert (busy.status, throttled.status) == (503, 429)
    assert "If the request has an 'idempotency-key', it can be safely retried" in busy.body
    assert "too many requests" in throttled.body


def test_reading_is_not_calling(reader: Api) -> None:
    assert error(call(reader, GREET, {"name": "Mary"}))[0] == 403
    assert error(reader.get(f"{OURS}/attach/inv_1{'0' * 33}"))[0] == 404


def test_calling_is_not_reading(writer: Api) -> None:
    assert error(writer.get(f"{OURS}/attach/inv_1{'0' * 33}"))[0] == 403
    assert error(call(writer, "/Greeter/wave", {"name": "Mary"}))[0] == 404
