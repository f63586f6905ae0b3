"""Objects and workflows over the ingress: turns of a key, and the one run of a workflow's key."""

import pytest

from tests.dialects.client import Api
from tests.dialects.restate.ingress.stories import (
    OURS,
    Pauses,
    call,
    error,
    failure,
    handlers,
    id_in,
    publish,
    runs,
)
from tests.graphs import Ask, Call, Compute, steps
from tests.world import World

ALREADY = (409, "the workflow method was already invoked")


@pytest.fixture
def account_of(api: Api) -> Api:
    """An object, at which `look` is shared."""
    publish(api, handlers(steps(Call("charge"), Compute("n")), "add", also={"look": "n"}, type="object"), "Account")
    return api


class TestAnObject:
    def test_is_called_by_its_key_and_answers_the_result(self, account_of: Api) -> None:
        reply = call(account_of, "/Account/mary/add", {"amount": 3})

        assert (reply.status, reply.json["amount"], reply.json["v_n"]) == (200, 3, 1)
        assert [run["business_key"] for run in runs(account_of)] == ["mary"]

    @pytest.mark.parametrize("key", ["a%2Fb", "send", "%C3%A9t%C3%A9%20%F0%9F%8C%9E", "attach", "{}", "inv_1"])
    def test_has_keys_of_any_text(self, account_of: Api, key: str) -> None:
        assert call(account_of, f"/Account/{key}/add").status == 200
        sent = call(account_of, f"/Account/{key}/add/send", idempotency_key="k")
        assert sent.status == 202

        assert error(account_of.get(f"{OURS}/invocation/Account/{key}/add/k/output"))[0] == 470

    def test_lets_the_second_call_of_a_key_wait_for_the_first(
        self, account_of: Api, world: World, pauses: Pauses
    ) -> None:
        world.messages()
        first = call(account_of, "/Account/mary/add/send")
        pauses.meanwhile += [world.deliver] * 3

        second = call(account_of, "/Account/mary/add", {"amount": 1})

        assert second.status == 200
        assert pauses.slept_s > 0
        told = {run["id"]: run["started_at"] for run in map(account_of.run, [run["id"] for run in runs(account_of)])}
        assert [*told.values()] == sorted(told.values())
        assert account_of.get(f"{OURS}/output/{id_in(first)}").status == 200

    def test_lets_a_shared_handler_wait_for_nobody(self, account_of: Api, pauses: Pauses) -> None:
        call(account_of, "/Account/mary/add/send")

        assert call(account_of, "/Account/mary/look").json == {"v_n": 1}
        assert pauses.slept_s == 0

    def test_has_a_verb_before_its_path_too(self, account_of: Api) -> None:
        assert call(account_of, "/restate/call/Account/mary/add").status == 200
        assert call(account_of, "/restate/send/Account/mary/add").status == 202

    def test_finds_an_invocation_by_its_idempotency_key(self, account_of: Api) -> None:
        reply = call(account_of, "/Account/mary/add", idempotency_key="k")

        for verb in ("attach", "output"):
            assert id_in(account_of.get(f"{OURS}/invocation/Account/mary/add/k/{verb}")) == id_in(reply)
        assert account_of.get(f"{OURS}/invocation/Account/joe/add/k/output").status == 404


@pytest.fixture
def signup(api: Api) -> Api:
    publish(api, handlers(steps(Call("mail"), Ask("click")), "run", type="workflow"), "Signup")
    return api


class TestAWorkflow:
    def test_refuses_a_second_call_of_a_key_naming_the_first(self, signup: Api) -> None:
        first = call(signup, "/Signup/mary/run")

        second = call(signup, "/Signup/mary/run")

        assert (first.status, failure(second), id_in(second)) == (470, ALREADY, id_in(first))
        assert len(runs(signup)) == 1

    def test_answers_a_second_send_with_the_first(self, signup: Api) -> None:
        first = call(signup, "/Signup/mary/run/send")

        again = call(signup, "/Signup/mary/run/send")

        assert first.json["status"] == "Accepted"
        assert again.json == {"invocationId": id_in(first), "status": "PreviouslyAccepted"}

    @pytest.mark.parametrize("path", ["/Signup/mary/run", "/Signup/mary/run/send"])
    def test_takes_no_idempotency_key(self, signup: Api, path: str) -> None:
        told = "cannot use the idempotency key with workflow handlers."
        rest = " The handler invocation will already be idempotent by the workflow key itself."

        assert error(call(signup, path, idempotency_key="k")) == (400, told + rest)
        assert runs(signup) == []

    def test_is_attached_to_by_its_key(self, signup: Api, world: World, pauses: Pauses) -> None:
        sent = call(signup, "/Signup/mary%2F1/run/send")
        path = f"{OURS}/workflow/Signup/mary%2F1"
        assert error(signup.get(f"{path}/output"))[0] == 470
        while world.deliver():
            pass
        run = runs(signup)[0]["id"]
        pauses.meanwhile.append(lambda: signup.post(f"/ops/v1/runs/{run}/tasks/2/complete"))

        attached = signup.get(f"{path}/attach")

        assert (attached.status, id_in(attached)) == (200, id_in(sent))
        assert signup.get(f"{path}/output").json == attached.json

    @pytest.mark.parametrize("key", ["nobody", "k" * 1025])
    @pytest.mark.parametrize("verb", ["attach", "output"])
    def test_of_a_key_that_nobody_submitted_is_not_found(self, signup: Api, key: str, verb: str) -> None:
        assert error(signup.get(f"{OURS}/workflow/Signup/{key}/{verb}")) == (404, "invocation not found")

    def test_of_another_account_is_not_found(self, signup: Api, stranger: Api) -> None:
        call(signup, "/Signup/mary/run/send")

        assert error(stranger.get(f"{OURS}/workflow/Signup/mary/output")) == (404, "invocation not found")
