"""Pause, resume, kill, cancel and purge: every status of an invocation, and what is told."""

import pytest

from chalicelib.core.access import Scope
from chalicelib.core.ids import AccountId
from tests.dialects.client import Api, key_of
from tests.dialects.restate.stories import (
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
from tests.graphs import Ask, Call, steps
from tests.world import World

STILL = "The invocation '{}' is not running, cannot be paused."
DONE = "The invocation '{}' was already completed."
UNDONE = "The invocation '{}' is not yet completed."
NOT_RESUMED = "The invocation '{}' is completed, cannot be resumed."
TOO_EARLY = "The invocation '{}' is either inboxed or scheduled, cannot be resumed."
FIXED = "The invocation '{}' is still running or the deployment id is not pinned yet, deployment id cannot be changed."
NO_SUCH_DEPLOYMENT = "The given deployment was not found when trying to resume the invocation '{}'."
UNKNOWN = "The requested invocation '{}' does not exist"

ASKED = steps(Call("charge"), Ask("approve"))
DELAYED_S = 30_000_000


pytestmark = pytest.mark.usefixtures("well_again")


def invocation(world: World, api: Api, how: str) -> str:
    """Answer an invocation that stands like this."""
    publish(api, ASKED)
    if how == "completed":
        publish(api, CHARGED, "short")
        return completed(world, api, "short")
    if how == "inboxed":
        publish(api, ASKED, "object", "object")
        start(api, "object", business_key="k")
        world.deliver()
        return start(api, "object", business_key="k")
    if how == "running":
        world.outside.fail("charge")
    made = start(api, delay=DELAYED_S if how == "scheduled" else 0)
    world.deliver()
    if how == "paused":
        assert patch(api, made, "pause").status == 200
    assert status(api, made) == ("pending" if how == "scheduled" else how)
    return made


STATES = ("scheduled", "inboxed", "running", "waiting", "paused", "completed")


@pytest.mark.parametrize(
    ("operation", "how", "told"),
    [
        ("pause", "scheduled", (409, STILL)),
        ("pause", "inboxed", (409, STILL)),
        ("pause", "running", 202),
        ("pause", "waiting", 200),
        ("pause", "paused", 200),
        ("pause", "completed", (409, STILL)),
        ("resume", "scheduled", (425, TOO_EARLY)),
        ("resume", "inboxed", (425, TOO_EARLY)),
        ("resume", "running", 200),
        ("resume", "waiting", 200),
        ("resume", "paused", 200),
        ("resume", "completed", (409, NOT_RESUMED)),
        ("kill", "scheduled", 200),
        ("kill", "inboxed", 200),
        ("kill", "running", 200),
        ("kill", "waiting", 200),
        ("kill", "paused", 200),
        ("kill", "completed", (409, DONE)),
        ("cancel", "scheduled", 200),
        ("cancel", "inboxed", 200),
        ("cancel", "running", 202),
        ("cancel", "waiting", 202),
        ("cancel", "paused", 202),
        ("cancel", "completed", (409, DONE)),
        *(("purge", how, (409, UNDONE)) for how in STATES if how != "completed"),
        ("purge", "completed", 200),
        *(("purge-journal", how, (409, UNDONE)) for how in STATES if how != "completed"),
        ("purge-journal", "completed", 200),
    ],
)
def test_each_operation_on_each_status(
    world: World, api: Api, operation: str, how: str, told: int | tuple[int, str]
) -> None:
    subject = invocation(world, api, how)
    if isinstance(told, tuple):
        reply = Unchanged(world)(api, "PATCH", f"/invocations/{subject}/{operation}")
        assert (reply.status, reply.json) == (told[0], {"message": told[1].format(subject), "restate_code": None})
        return

    reply = patch(api, subject, operation)

    assert (reply.status, reply.body, reply.headers.get("Content-Type")) == (told, b"", None)


@pytest.mark.parametrize("operation", ["pause", "resume", "kill", "cancel", "purge", "purge-journal"])
class TestWhateverIsAsked:
    def test_an_invocation_that_is_not_there(self, world: World, api: Api, operation: str) -> None:
        reply = Unchanged(world)(api, "PATCH", f"/invocations/{NOBODY}/{operation}")

        assert (reply.status, reply.json["message"]) == (404, UNKNOWN.format(NOBODY))

    def test_an_id_that_is_none(self, world: World, api: Api, operation: str) -> None:
        reply = Unchanged(world)(api, "PATCH", f"/invocations/nope/{operation}")

        assert reply.status == 400
        assert reply.json["message"] == "The request field 'invocation_id' is invalid. Reason: bad format"

    def test_a_path_that_is_no_text(self, world: World, api: Api, operation: str) -> None:
        assert Unchanged(world)(api, "PATCH", f"/v3/invocations/%FF/{operation}").headers["Content-Type"][:4] == "text"

    def test_a_key_without_the_scope(self, world: World, operation: str) -> None:
        reader = key_of(world, AccountId("reads-and-restarts"), Scope.READ, Scope.RESTART)

        assert Unchanged(world)(reader, "PATCH", f"/invocations/{NOBODY}/{operation}").status == 403


class TestResume:
    @pytest.mark.parametrize("how", ["waiting", "paused"])
    def test_on_the_deployment_that_it_has_it_goes_on(self, world: World, api: Api, how: str) -> None:
        subject = invocation(world, api, how)
        deployment = publish(api, ASKED)

        for wished in ("keep", "Latest", deployment):
            assert patch(api, subject, "resume", f"deployment={wished}").status == 200
        assert status(api, subject) == "waiting"

    @pytest.mark.parametrize("how", ["waiting", "paused"])
    def test_no_other_deployment_can_take_it_on(self, world: World, api: Api, how: str) -> None:
        subject = invocation(world, api, how)
        other = publish(api, CHARGED)

        for wished in ("latest", other):
            reply = Unchanged(world)(api, "PATCH", f"/invocations/{subject}/resume?deployment={wished}")
            assert (reply.status, reply.json["message"]) == (409, FIXED.format(subject))

    def test_while_it_runs_no_deployment_can_be_chosen(self, world: World, api: Api) -> None:
        subject = invocation(world, api, "running")

        reply = Unchanged(world)(api, "PATCH", f"/invocations/{subject}/resume?deployment=latest")

        assert (reply.status, reply.json["message"]) == (409, FIXED.format(subject))

    def test_a_deployment_that_is_not_there(self, world: World, api: Api) -> None:
        subject = invocation(world, api, "paused")

        reply = Unchanged(world)(api, "PATCH", f"/invocations/{subject}/resume?deployment={NO_DEPLOYMENT}")

        assert (reply.status, reply.json["message"]) == (400, NO_SUCH_DEPLOYMENT.format(subject))

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("nope/resume?deployment=keep&deployment=keep", "duplicate field `deployment`"),
            ("nope/resume?deployment=nope", "'invocation_id' is invalid"),
            (f"{NOBODY}/resume?deployment=nope", "The query parameter 'deployment' is invalid. Reason: bad format"),
        ],
    )
    def test_what_is_wrong_is_told_in_the_servers_order(self, world: World, api: Api, path: str, told: str) -> None:
        reply = Unchanged(world)(api, "PATCH", f"/invocations/{path}")

        assert reply.status == 400
        assert told in reply.body.decode()


class TestAnEnd:
    @pytest.mark.parametrize(
        ("operation", "how", "told"),
        [
            ("kill", "waiting", "killed"),
            ("kill", "scheduled", "killed"),
            ("cancel", "waiting", "Cancelled"),
            ("cancel", "scheduled", "canceled"),
        ],
    )
    def test_what_ended_it_is_kept_in_its_journal(
        self, world: World, api: Api, operation: str, how: str, told: str
    ) -> None:
        subject = invocation(world, api, how)

        patch(api, subject, operation)

        assert status(api, subject) == "canceled"
        entries = api.get(f"/ops/v1/runs/{run_of(api, subject)['id']}/journal").json["entries"]
        assert entries[-1]["reason"] == told

    @pytest.mark.parametrize("first", ["kill", "cancel"])
    @pytest.mark.parametrize("second", ["kill", "cancel"])
    def test_nothing_ends_twice(self, world: World, api: Api, first: str, second: str) -> None:
        subject = invocation(world, api, "waiting")
        patch(api, subject, first)

        reply = Unchanged(world)(api, "PATCH", f"/invocations/{subject}/{second}")

        assert (reply.status, reply.json["message"]) == (409, DONE.format(subject))

    def test_a_purged_journal_is_gone_and_the_rest_is_kept(self, world: World, api: Api) -> None:
        publish(api, CHARGED)
        subject = invocation(world, api, "completed")
        assert [patch(api, subject, "purge-journal").status for _ in range(2)] == [200, 200]

        assert status(api, subject) == "completed"
        reply = Unchanged(world)(api, "PATCH", f"/invocations/{subject}/restart-as-new")
        assert reply.status == 410

    def test_what_is_purged_is_gone(self, world: World, api: Api) -> None:
        subject = invocation(world, api, "completed")

        patch(api, subject, "purge")

        assert patch(api, subject, "purge").status == 404
        assert restart(api, subject).status == 404


class TestTheDeprecatedDelete:
    @pytest.mark.parametrize(
        ("query", "ended"),
        [("", "canceled"), ("?mode=cancel", "canceled"), ("?mode=Kill", "canceled"), ("?mode=purge", "waiting")],
    )
    def test_it_does_what_there_is_to_do(self, world: World, api: Api, query: str, ended: str) -> None:
        subject = invocation(world, api, "waiting")

        reply = api.delete(f"/invocations/{subject}{query}")

        assert (reply.status, reply.body) == (202, b"")
        assert status(api, subject) == ended

    def test_a_completed_one_is_purged(self, world: World, api: Api) -> None:
        subject = invocation(world, api, "completed")

        assert api.delete(f"/invocations/{subject}?mode=purge").status == 202
        assert patch(api, subject, "purge").status == 404

    @pytest.mark.parametrize("mode", ["cancel", "kill", "purge"])
    def test_it_never_says_that_there_is_nothing(self, world: World, api: Api, mode: str) -> None:
        assert Unchanged(world)(api, "DELETE", f"/invocations/{NOBODY}?mode={mode}").status == 202

    def test_another_mode_is_told_as_text(self, world: World, api: Api) -> None:
        reply = Unchanged(world)(api, "DELETE", f"/invocations/{NOBODY}?mode=drop")

        assert (reply.status, reply.headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
        assert reply.body.startswith(
            b"Failed to deserialize query string: mode: unknown variant `drop`, expected one of"
        )

    def test_an_id_that_is_none(self, world: World, api: Api) -> None:
        assert Unchanged(world)(api, "DELETE", "/invocations/nope").status == 400

    def test_nothing_can_be_read_there(self, world: World, api: Api) -> None:
        reply = Unchanged(world)(api, "GET", f"/invocations/{NOBODY}")

        assert (reply.status, reply.body, reply.headers["Allow"]) == (405, b"", "DELETE")
