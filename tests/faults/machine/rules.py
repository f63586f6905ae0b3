"""Any mix of requests, deliveries, losses, sweeps, time and faults, against a model that says how each run must end.

Clients of two accounts ask in every dialect, under the same keys and partly for the same ids. The model of each knows
the answers alone (model.py): from them follows how its runs end, and which there may be. After every step nothing may
have happened that cannot be made good; at the end whoever was not answered asks again, all comes to rest, and every
promise is looked at (verdict.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chalicelib.core.access import Scope
from chalicelib.core.effects import Failed, HttpCall, Outcome, Succeeded
from chalicelib.core.ids import AccountId
from tests.faults.arranged import begin
from tests.faults.beginnings import ORDER as OPS_ORDER
from tests.faults.beginnings import STARTS as OPS_STARTS
from tests.faults.beginnings import cancel_of, task_of
from tests.faults.engines import Row
from tests.faults.machine.clients import Clients
from tests.faults.machine.model import is_broken
from tests.faults.machine.requests import CART, CHANGES, RESTARTS, STARTS, URL
from tests.faults.machine.verdict import verdict
from tests.faults.plans import Fault, Kind, Plan
from tests.faults.play import ENDED, Play
from tests.faults.stage import Stage
from tests.graphs import Ask, Call, document, steps
from tests.realms import named
from tests.world import ACME, ANSWERED, OTHER

Struck = tuple[int, Kind] | None

ACCOUNTS: tuple[AccountId, ...] = (ACME, OTHER)
WAYS = [(kind, way) for kind, ways in CHANGES.items() for way in ways]
SERVED = 4  # runs of the service that stand before: one waits, the others have ended, each in its way
PLACES = ("charge", "approve", "ship")

OVER = ENDED | {"deleted"}  # as it stands until the last of its rows is taken away

accounts = st.sampled_from((ACME, ACME, OTHER))
keys = st.sampled_from(["k1", "k2"])
strikes = st.none() | st.tuples(st.integers(0, 7), st.sampled_from(Kind))
later_strikes = st.none() | st.tuples(st.integers(0, 40), st.sampled_from(Kind))
indexes = st.integers(0, 7)
ways = st.sampled_from([*CHANGES]).flatmap(lambda kind: st.tuples(st.just(kind), st.sampled_from([*CHANGES[kind]])))
several = st.lists(indexes, min_size=1, max_size=3, unique=True)


def a_service_and_an_object_with_runs(play: Play) -> None:
    """Let runs of both end in every way, and one wait; the other account gets the same under the same ids."""
    play.outside.answers["ship"] = ship
    service = document(steps(Call("charge"), Ask("approve"), Call("ship")))
    object_ = document(steps(Call("charge"), Call("ship")))
    play.ask("service", OPS_ORDER, {**service, "url": URL}, method="PUT")
    play.ask("published", f"{OPS_ORDER}/publish")
    play.ask("object", f"/ops/v1/definitions/{CART}", {**object_, "type": "object"}, method="PUT")
    play.ask("object published", f"/ops/v1/definitions/{CART}/publish")
    runs = [play.ask(f"run {n}", OPS_STARTS, {}, key=f"{n}", ends="") for n in range(SERVED)]
    for n in range(2):
        play.ask(f"cart {n}", f"/ingress/{CART}/k/start1/send", {}, key=f"{n}", ends="")
    play.settle()
    for run in runs[2:]:
        play.ask(f"approve {run}", task_of(play, run, "approve"), {"variables": {}})
    play.ask("cancel", cancel_of(runs[1]))
    play.settle()


def ship(call: HttpCall) -> Outcome:
    if is_broken(call.idempotency_key.split("/", 1)[0]):
        return Failed("http_422", "cannot be shipped", is_retryable=False)
    return Succeeded({"status": 200, "body": ANSWERED})


class Machine(RuleBasedStateMachine):
    """`stage` is set by whoever runs it."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.play = begin(self.stage, Plan("machine"), a_service_and_an_object_with_runs)
        self.play.outside.answers["ship"] = ship
        self.play.most_tries = 99  # faults are struck off the list again by the next rule
        self.clients: dict[str, Clients] = {account: self.sign_in(account) for account in ACCOUNTS}
        self.ended: dict[str, Any] = {}

    def sign_in(self, account: AccountId) -> Clients:
        """Give an account a key of its own, and an app for FlowX."""
        _, secret = self.stage.boot().access.create(account, "a machine's", frozenset(Scope), "live", None)
        clients = Clients(account, secret, self.play)
        self.stage.secret, self.play.at_work = secret, frozenset({account})
        self.play.request("PUT", "/ops/v1/apps/ws/app", {})
        clients.remember()
        return clients

    def strike(self, struck: Struck) -> None:
        """Let a fault strike one of the next calls."""
        strikes = self.play.strikes
        at = len(strikes.made)
        strikes.faults = {at + struck[0]: Fault(at + struck[0], struck[1])} if struck else {}

    # -- clients

    @rule(who=accounts, way=st.sampled_from([*STARTS]), key=keys, amount=st.integers(1, 2), struck=strikes)
    def start(self, who: str, way: str, key: str, amount: int, struck: Struck) -> None:
        self.strike(struck)
        self.clients[who].start(way, key, amount)

    @rule(who=accounts, way=st.sampled_from([*RESTARTS, "whole"]), of=indexes, key=keys, struck=strikes)
    def restart(self, who: str, way: str, of: int, key: str, struck: Struck) -> None:
        self.strike(struck)
        for source in self.pick(who, [of]):
            if way == "whole":
                self.clients[who].restart_whole(source, key)
            else:
                self.clients[who].restart(way, source, key)

    @rule(who=accounts, of=several, place=st.sampled_from(PLACES), key=keys, struck=strikes)
    def restart_together(self, who: str, of: list[int], place: str, key: str, struck: Struck) -> None:
        self.strike(struck)
        if sources := self.pick(who, of):
            self.clients[who].restart_together(sources, place, key)

    @rule(who=accounts, of=several, key=keys, struck=strikes)
    def restart_many(self, who: str, of: list[int], key: str, struck: Struck) -> None:
        self.strike(struck)
        if sources := self.pick(who, of):
            self.clients[who].restart_many(sources, key)

    @rule(
        who=accounts,
        verb=st.sampled_from(["restart", "resume", "remove"]),
        of=several,
        key=st.none() | keys,
        struck=strikes,
    )
    def use_letters(self, who: str, verb: str, of: list[int], key: str | None, struck: Struck) -> None:
        """Restart or resume dead letters, named ones or the newest; or remove them."""
        self.strike(struck)
        clients = self.clients[who]
        ids = chosen(sorted(row["dead_letter_id"]["S"] for row in clients.letter_rows()), of)
        if ids and verb == "remove":
            clients.remove_letters(ids)
        elif ids and key:
            clients.restart_letters(verb, ids, key)
        elif verb != "remove":
            clients.restart_page(verb, len(of))

    @rule(who=accounts, kind=st.sampled_from([*PLACES, "delete"]), of=several, key=keys, struck=strikes)
    def begin_batch(self, who: str, kind: str, of: list[int], key: str, struck: Struck) -> None:
        self.strike(struck)
        if sources := self.pick(who, of):
            if kind == "delete":
                self.clients[who].begin_deletion(sources, key)
            else:
                self.clients[who].begin_batch(sources, kind, key)

    @precondition(lambda self: any(clients.model.batches for clients in self.clients.values()))
    @rule(who=accounts, kind=st.sampled_from(["hold", "hold", "let go on", "retry", "end"]), of=indexes, struck=strikes)
    def change_batch(self, who: str, kind: str, of: int, struck: Struck) -> None:
        self.strike(struck)
        clients = self.clients[who]
        for batch in chosen(sorted(clients.model.batches), [of]):
            match kind:
                case "retry":
                    clients.set_retries(batch, of % 3)
                case "end":
                    clients.end(batch)
                case _:
                    clients.hold(batch, is_held=kind == "hold")

    @rule(who=accounts, of=st.integers(0, 40), struck=strikes)
    def repeat(self, who: str, of: int, struck: Struck) -> None:
        """Let a client that was answered, or was not, ask for the same once more."""
        self.strike(struck)
        self.clients[who].repeat(of)

    @rule(who=accounts, how=ways, of=indexes, struck=strikes)
    def change(self, who: str, how: tuple[str, str], of: int, struck: Struck) -> None:
        self.strike(struck)
        for run in self.pick(who, [of]):
            self.clients[who].change(*how, run)

    @rule(who=accounts, of=indexes, way=st.sampled_from(["me", "you", "retab"]), struck=strikes)
    def approve(self, who: str, of: int, way: str, struck: Struck) -> None:
        self.strike(struck)
        asking = [run for run, row in self.clients[who].rows().items() if row["status"]["S"] == "waiting"]
        for run in chosen(sorted(self.clients[who].model.runs.keys() & asking), [of]):
            self.clients[who].change("complete", way, run)

    @rule(who=accounts, how=st.sampled_from([*RESTARTS, *WAYS]), of=indexes, struck=strikes)
    def trespass(self, who: str, how: str | tuple[str, str], of: int, struck: Struck) -> None:
        """Ask for a run of the other account, as if it were ours."""
        self.strike(struck)
        [others] = {*ACCOUNTS} - {who}
        theirs = [run for run in self.clients[others].standing() if run not in self.clients[who].model.runs]
        for run in chosen(theirs, [of]):
            asked = RESTARTS[how](run, "k") if isinstance(how, str) else CHANGES[how[0]][how[1]](run)
            self.clients[who].trespass(asked)

    # -- AWS

    @rule(at=indexes, is_left=st.booleans(), struck=strikes)
    def deliver(self, at: int, is_left: bool, struck: Struck) -> None:
        """Deliver any message; `is_left`: it is not deleted afterwards, and comes again."""
        self.strike(struck)
        self.play.pull()
        if self.play.pending:
            message = self.play.pending.pop(at % len(self.play.pending))
            _, key = next(named("sqs.SendMessage", {"QueueUrl": "", "MessageBody": message.body}))
            self.play.at_work = frozenset({key.partition("#")[0]})
            self.play.hand_over(message)
            if is_left and message not in self.play.pending:
                self.play.pending.append(message)

    @rule(struck=later_strikes)
    def deliver_all(self, struck: Struck) -> None:
        """Deliver whatever is visible, and what comes of that."""
        self.strike(struck)
        self.play.at_work = frozenset(ACCOUNTS)
        for _ in range(4):
            self.play.deliver()

    @rule(at=indexes)
    def lose(self, at: int) -> None:
        self.play.pull()
        if self.play.pending:
            self.play.pending.pop(at % len(self.play.pending))

    @rule(struck=strikes)
    def sweep(self, struck: Struck) -> None:
        self.strike(struck)
        self.play.at_work = frozenset(ACCOUNTS)
        self.play.sweep()

    @rule(seconds=st.sampled_from([1, 30, 100, 700]))
    def tick(self, seconds: int) -> None:
        self.play.stage.clock.advance(seconds * 1000)

    # -- what must hold

    @invariant()
    def nothing_has_happened_that_cannot_be_made_good(self) -> None:
        assert self.play.problems == []
        assert self.play.stage.engine.written_twice("journal") == []
        for clients in self.clients.values():
            rows = clients.rows()
            self.check_ended(clients, rows)
            in_turn = [row["status"]["S"] for row in rows.values() if row.get("line", {}).get("S") == "at_work"]
            assert sum(status not in OVER for status in in_turn) <= 1, "two runs of one key are at work at once"
            strangers = rows.keys() - clients.model.runs.keys()
            assert len(strangers) <= clients.model.most_strangers, f"nobody asked for some of {strangers}"

    def check_ended(self, clients: Clients, rows: Mapping[str, Row]) -> None:
        for run, row in rows.items():
            if row["status"]["S"] in ENDED and run not in clients.model.gone:
                first = self.ended.setdefault(row["pk"]["S"], row)
                assert row == first, "an ended run was written"

    def teardown(self) -> None:
        self.strike(None)
        for clients in self.clients.values():
            clients.ask_again()
        self.play.at_work = frozenset(ACCOUNTS)
        self.play.settle()
        for clients in self.clients.values():
            problems = verdict(clients)
            assert problems == [], problems

    # -- looking

    def pick(self, who: str, of: Sequence[int]) -> list[str]:
        return chosen(self.clients[who].standing(), of)


def chosen(known: Sequence[str], of: Sequence[int]) -> list[str]:
    """Answer some of what is known, each once; none if nothing is."""
    return list(dict.fromkeys(known[index % len(known)] for index in of)) if known else []
