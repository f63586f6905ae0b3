"""PATCH /invocations/{id}/restart-as-new refused: every row of the server's table of answers, and their order."""

from itertools import combinations

import pytest

import app
from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from tests.backends import on_both
from tests.dialects.client import Api, Reply, key_of
from tests.dialects.restate.stories import (
    APPROVED,
    CHARGED,
    NO_DEPLOYMENT,
    NOBODY,
    Unchanged,
    completed,
    patch,
    publish,
    restart,
    run_of,
    start,
    status,
)
from tests.graphs import Ask, Call, document, steps
from tests.world import World

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
QUERY = "Failed to deserialize query string: "
PREFIX = "The prefix of the journal '{}' up to 'from' (included) contains some Commands without respective Completions."
RANGE = "The given index is out of range of currently stored journal for invocation '{}'."
PENDING = "The invocation '{}' cannot be restarted because it's not running yet."
LIVE = "The invocation '{}' is still running."
UNSUPPORTED = (
    "Restarting the invocation '{}' is not supported. Restarting workflows is not supported, and restarting"
    " invocations created using the old service protocol."
)
NO_SUCH_DEPLOYMENT = "The given deployment was not found when trying to restart as new the invocation '{}'."
GONE = (
    "The invocation '{}' cannot be restarted because the input is not available. This indicates that the journal was"
    " already purged, or not retained at all."
)


pytestmark = pytest.mark.usefixtures("well_again")


def read(reply: Reply) -> tuple[int, str, str]:
    """Answer a refusal's status, type and message."""
    told = reply.json["message"] if reply.headers["Content-Type"] == JSON else reply.body.decode()
    return reply.status, reply.headers["Content-Type"], told


@on_both
class TestRefusals:
    """Each row of the server's table, over HTTP."""

    @pytest.mark.parametrize(
        ("query", "told"),
        [
            ("from=abc", "from: invalid digit found in string"),
            ("from=-1", "from: invalid digit found in string"),
            ("from=1.5", "from: invalid digit found in string"),
            ("from=%201", "from: invalid digit found in string"),
            ("from=+1", "from: invalid digit found in string"),
            ("from=", "from: cannot parse integer from empty string"),
            ("from", "from: cannot parse integer from empty string"),
            ("from=4294967296", "from: number too large to fit in target type"),
            ("from=1&from=2", "duplicate field `from`"),
            ("deployment=keep&deployment=keep", "duplicate field `deployment`"),
            ("dry_run=yes", "dry_run: provided string was not `true` or `false`"),
        ],
    )
    def test_a_query_that_cannot_be_read(self, api: Api, unchanged: Unchanged, query: str, told: str) -> None:
        reply = unchanged(api, "PATCH", f"/invocations/{NOBODY}/restart-as-new?{query}")

        assert read(reply) == (400, TEXT, QUERY + told)

    def test_a_path_that_is_no_text(self, api: Api, unchanged: Unchanged) -> None:
        reply = unchanged(api, "PATCH", "/invocations/inv_1%FF/restart-as-new?from=x")

        assert read(reply) == (400, TEXT, "Invalid URL: Invalid UTF-8 in `invocation_id`")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("nope", "bad format"),
            ("xyz_1", "unrecognized resource type: xyz"),
            ("inv_", "bad length"),
            ("inv_2abc", "unrecognized codec version"),
            ("dp_1" + "0" * 22, "id doesn't match the expected type"),
            ("inv_1abc", "bad length"),
            ("inv_1" + "-" * 33, "base62 decode error"),
            ("inv_1" + "0" * 34, "bad length"),
        ],
    )
    def test_an_id_that_is_none(self, api: Api, unchanged: Unchanged, text: str, reason: str) -> None:
        reply = unchanged(api, "PATCH", f"/invocations/{text}/restart-as-new")

        assert read(reply) == (400, JSON, f"The request field 'invocation_id' is invalid. Reason: {reason}")
        assert [*reply.json] == ["message", "restate_code"]
        assert reply.json["restate_code"] is None

    @pytest.mark.parametrize(("given", "reason"), [("KEEP", "bad format"), ("%7B%22Id%22%3A1%7D", "bad format")])
    def test_a_deployment_that_is_none(self, api: Api, unchanged: Unchanged, given: str, reason: str) -> None:
        reply = unchanged(api, "PATCH", f"/invocations/{NOBODY}/restart-as-new?deployment={given}")

        assert read(reply) == (400, JSON, f"The query parameter 'deployment' is invalid. Reason: {reason}")

    @pytest.mark.parametrize("invocation", [NOBODY, "inv_1" + "0" * 33, NOBODY.replace("_", "%5F")])
    def test_an_invocation_that_is_not_there(self, api: Api, unchanged: Unchanged, invocation: str) -> None:
        reply = unchanged(api, "PATCH", f"/invocations/{invocation}/restart-as-new")

        told = invocation.replace("%5F", "_")
        assert read(reply) == (404, JSON, f"The requested invocation '{told}' does not exist")

    def test_anothers_is_not_there(self, world: World, api: Api, stranger: Api, unchanged: Unchanged) -> None:
        publish(stranger)
        theirs = completed(world, stranger)

        assert unchanged(api, "PATCH", f"/invocations/{theirs}/restart-as-new").status == 404

    def test_a_purged_one_is_not_there(self, world: World, api: Api, unchanged: Unchanged) -> None:
        publish(api)
        source = completed(world, api)
        patch(api, source, "purge")

        assert unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new").status == 404

    def test_one_that_is_scheduled(self, api: Api, unchanged: Unchanged) -> None:
        publish(api)
        source = start(api, delay=3600)

        reply = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new")

        assert read(reply) == (425, JSON, PENDING.format(source))
        patch(api, source, "kill")

    @pytest.mark.parametrize("how", ["running", "waiting", "paused"])
    def test_one_that_has_not_ended(self, world: World, api: Api, unchanged: Unchanged, how: str) -> None:
        publish(api, steps(Call("charge"), Ask("approve")), key=how)
        if how == "running":
            world.outside.fail("charge")
        source = start(api, how)
        world.deliver()
        if how == "paused":
            patch(api, source, "pause")
        assert status(api, source) == how

        reply = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new")

        assert read(reply) == (409, JSON, LIVE.format(source))
        patch(api, source, "kill")

    def test_a_workflows(self, world: World, api: Api, unchanged: Unchanged) -> None:
        publish(api, CHARGED, type_="workflow")
        source = completed(world, api, business_key="k")

        reply = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new?deployment={NO_DEPLOYMENT}")

        assert read(reply) == (422, JSON, UNSUPPORTED.format(source))

    def test_a_deployment_that_is_not_there(self, world: World, api: Api, unchanged: Unchanged) -> None:
        publish(api)
        source = completed(world, api)

        reply = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new?deployment={NO_DEPLOYMENT}&from=99")

        assert read(reply) == (400, JSON, NO_SUCH_DEPLOYMENT.format(source))

    def test_nothing_published_any_more_is_no_latest(self, world: World, api: Api, unchanged: Unchanged) -> None:
        api.put("/ops/v1/definitions/order", document(CHARGED))
        source = completed(world, api, version="draft")

        refused = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new")

        assert read(refused) == (400, JSON, NO_SUCH_DEPLOYMENT.format(source))
        assert restart(api, source, "deployment=keep").status == 200

    def test_a_deployment_that_the_prefix_does_not_fit(self, world: World, api: Api, unchanged: Unchanged) -> None:
        publish(api)
        source = completed(world, api)
        other = publish(api, steps(Call("reserve"), Call("ship")))

        reply = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new?from=1")

        told = f"The journal of the invocation '{source}' does not fit the chosen deployment '{other}' at entry 1."
        assert read(reply) == (400, JSON, told)

    @pytest.mark.parametrize(("from_", "told"), [("2", PREFIX), ("9", PREFIX), ("4294967295", RANGE)])
    def test_a_prefix_that_lacks_something(
        self, world: World, api: Api, unchanged: Unchanged, from_: str, told: str
    ) -> None:
        publish(api, APPROVED)
        source = start(api)
        world.settle()
        patch(api, source, "cancel")

        reply = unchanged(api, "PATCH", f"/invocations/{source}/restart-as-new?from={from_}")

        assert read(reply) == (400, JSON, told.format(source))

    def test_a_journal_that_is_gone(self, world: World, api: Api, account: AccountId) -> None:
        publish(api)
        source = completed(world, api)
        _lose_journal(world, account, run_of(api, source)["id"])

        reply = Unchanged(world)(api, "PATCH", f"/invocations/{source}/restart-as-new?from=1")

        assert read(reply) == (410, JSON, GONE.format(source))

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD"])
    def test_another_method_is_told_without_a_word(self, api: Api, unchanged: Unchanged, method: str) -> None:
        reply = unchanged(api, method, f"/invocations/{NOBODY}/restart-as-new")

        assert (reply.status, reply.body, reply.headers["Allow"]) == (405, b"", "PATCH")
        assert "Content-Type" not in reply.headers

    def test_version_1_is_not_served(self, api: Api, unchanged: Unchanged) -> None:
        status_, media_type, told = read(unchanged(api, "PATCH", f"/v1/invocations/{NOBODY}/restart-as-new"))

        assert (status_, media_type) == (400, TEXT)
        assert all(version in told for version in ("V2", "V3", "V4"))

    @pytest.mark.parametrize("path", ["/v5/invocations/{}/restart-as-new", "/invocations/{}/Restart-as-new"])
    def test_a_path_that_is_none_is_told_without_a_word(self, world: World, path: str) -> None:
        status_, headers, body = app.edge.unrouted("PATCH", path.format(NOBODY), 404)

        assert (status_, body) == (404, "")
        assert "Content-Type" not in headers

    def test_an_empty_id_is_too_short(self, api: Api, unchanged: Unchanged) -> None:
        reply = unchanged(api, "PATCH", "/invocations//restart-as-new")

        assert read(reply) == (400, JSON, "The request field 'invocation_id' is invalid. Reason: bad length")

    def test_who_may_only_read_or_write_restarts_nothing(self, world: World, unchanged: Unchanged) -> None:
        reader = key_of(world, AccountId("a-reader"), Scope.READ, Scope.WRITE)

        assert unchanged(reader, "PATCH", f"/invocations/{NOBODY}/restart-as-new").status == 403
        assert unchanged(Api(), "PATCH", f"/invocations/{NOBODY}/restart-as-new").status == 401


def _lose_journal(world: World, account: AccountId, run_id: str) -> None:
    for row in world.rows("journal"):
        if row["pk"]["S"] == f"{account}#{run_id}":
            key = {"pk": row["pk"], "index": row["index"]}
            world.dynamodb.delete_item(TableName="reprise-journal-test", Key=key)


# -- what is told first


DEFECTS = ("path", "query", "id", "deployment", "unknown", "pending", "live", "workflow", "no_deployment", "prefix")
"""In the order in which the server looks for them."""
_SOURCES = ("unknown", "pending", "live", "workflow")


def _can_be_together(one: str, other: str) -> bool:
    """Say whether a request can have both: an invocation has one status, and a path one id."""
    is_of_source = {*_SOURCES}
    if "path" in {one, other}:
        return not {one, other} & {"id", *is_of_source}
    if "id" in {one, other} or {one, other} <= is_of_source:
        return not {one, other} & is_of_source
    return {one, other} not in ({"deployment", "no_deployment"}, {"query", "prefix"})


@pytest.fixture(scope="module")
def stage(world: World) -> tuple[Api, dict[str, str]]:
    """Answer invocations of an account, by what is wrong with each."""
    api = key_of(world, AccountId("precedence"))
    publish(api)
    publish(api, steps(Ask("approve")), key="asking")
    publish(api, CHARGED, key="flow", type_="workflow")
    sources = {
        "": completed(world, api),
        "unknown": NOBODY,
        "workflow": completed(world, api, "flow", business_key="k"),
        "live": start(api, "asking"),
        "pending": start(api, delay=30_000_000),
    }
    return api, sources


class TestPrecedence:
    @pytest.mark.parametrize(
        ("first", "second"), [pair for pair in combinations(DEFECTS, 2) if _can_be_together(*pair)]
    )
    def test_of_two_defects_the_earlier_one_is_told(
        self, world: World, stage: tuple[Api, dict[str, str]], first: str, second: str
    ) -> None:
        api, sources = stage
        alone = Unchanged(world)(api, "PATCH", _path(sources, {first}))
        both = Unchanged(world)(api, "PATCH", _path(sources, {first, second}))

        assert alone.status >= 400
        assert (both.status, both.body) == (alone.status, alone.body)


def _path(sources: dict[str, str], defects: set[str]) -> str:
    invocation = next((sources[name] for name in _SOURCES if name in defects), sources[""])
    invocation = "inv_%FF" if "path" in defects else "inv_1" if "id" in defects else invocation
    query = {
        "from": "x" if "query" in defects else "9" if "prefix" in defects else None,
        "deployment": "nope" if "deployment" in defects else NO_DEPLOYMENT if "no_deployment" in defects else None,
    }
    given = "&".join(f"{name}={value}" for name, value in query.items() if value is not None)
    return f"/invocations/{invocation}/restart-as-new?{given}"
