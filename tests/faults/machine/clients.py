"""One account's clients: they ask in every dialect, and hold each answer against the model."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from chalicelib.core.ids import derived_uuid
from chalicelib.core.journal import Entry, Performed
from chalicelib.dialects.restate.ids import read_run_id
from chalicelib.dialects.upstash.ids import read_run_id as read_upstash
from tests.faults.engines import Row
from tests.faults.lambdas import Reply
from tests.faults.machine.model import Birth, Model, ModelBatch, Wish
from tests.faults.machine.requests import (
    CART,
    CHANGES,
    DLQ,
    ORDER,
    REST,
    RESTARTS,
    STARTS,
    Request,
    deletion,
    instances,
    letters,
    many,
    note_in,
    page,
    restart_after,
)
from tests.faults.play import ENDED, Play
from tests.world import ACME

Told = Callable[[Reply], set[str]]
"""Reads which runs an answer tells of."""

_MAY_BE_REFUSED = frozenset({"from_failure", "prefix"})
"""What cannot be done with every run that has ended."""


@dataclass(slots=True)
class Clients:
    """`secret` is the account's; `play` carries the requests."""

    account: str
    secret: str
    play: Play
    model: Model = field(default_factory=Model)

    def remember(self) -> None:
        """Know of the runs that stand what their clients were told."""
        for run, row in self.rows().items():
            self.model.expect(run, Birth(row["definition_key"]["S"]), is_told=True)
            self.model.runs[run].is_approved = row["status"]["S"] in {"completed", "failed"}
            self.model.runs[run].is_canceled = row["status"]["S"] == "canceled"

    def request(self, asked: Request) -> Reply:
        play = self.play
        play.stage.secret, play.account, play.at_work = self.secret, self.account, frozenset({self.account})
        return play.request(asked.method, asked.path, asked.body, asked.key)

    # -- one thing under a key

    def start(self, way: str, key: str, amount: int) -> None:
        self.make(Wish(STARTS[way](key, amount), Birth(CART if way == "object" else ORDER)))

    def restart(self, way: str, source: str, key: str) -> None:
        definition = ORDER if way == "flowx" else self.definition_of(source)
        is_approved = {"from_failure": None, "at_ship": True}.get(way, False)
        has_ended = self.has_ended(source)
        birth = Birth(definition, source, is_approved)
        if way == "prefix" and not self._has_charged_first(source):
            return  # it would keep something else
        wish = Wish(RESTARTS[way](source, key), birth, is_copy=not has_ended)
        is_sure = (has_ended or way == "flowx") and way not in _MAY_BE_REFUSED and source not in self.model.gone
        self.make(wish, may_be_refused=not is_sure)

    def restart_whole(self, source: str, key: str) -> None:
        """Restart an ended run after its last entry: nothing is left to do, and it ends as its source did."""
        if self.has_ended(source):
            end = self.rows()[source]["status"]["S"]
            asked = restart_after(source, len(self.entries(source)), key)
            birth = Birth(self.definition_of(source), source, None, end)
            self.make(Wish(asked, birth), may_be_refused=end == "canceled")  # somebody may have been waited for

    def begin_batch(self, sources: Sequence[str], place: str, key: str) -> None:
        """Let a batch restart runs of one definition, at a place."""
        definition = self.definition_of(sources[0])
        ours = {source for source in sources if self.definition_of(source) == definition and self.has_ended(source)}
        asked = instances("restart-async", definition, [*sources], _place_in(definition, place), key)
        birth = Birth(definition, is_approved=place == "ship")
        self.make(Wish(asked, birth, tuple(sources), frozenset(ours)))

    def begin_deletion(self, sources: Sequence[str], key: str) -> None:
        """Let a batch cancel runs."""
        self.make(Wish(deletion([*sources], key), Birth(""), tuple(sources), is_deletion=True))

    def make(self, wish: Wish, *, may_be_refused: bool = False) -> None:
        """Ask for one thing once, and hold the answer against what was answered before."""
        asked, model = wish.request, self.model
        known = model.answered.get(asked.command)
        if known is not None and known[0] in model.gone:
            return  # the key would make another one
        sent = model.sent.setdefault(asked.command, [])
        sent += [] if wish in sent else [wish]
        reply = self.request(asked)
        if reply.is_unknown:
            return
        if reply.is_refused:
            is_other = any(asked.contradicts(other.request) for other in sent)
            assert is_other or (may_be_refused and known is None), f"{asked}: {reply}"
            return
        assert known is None or (known[0] == reply.run and not asked.contradicts(known[1])), f"{known}, then {reply}"
        model.answered[asked.command] = reply.run, asked
        self._learn(wish, reply.run)

    def _learn(self, wish: Wish, made: str) -> None:
        if not wish.sources:
            self.model.expect(made, wish.birth, is_told=True)
            self.play.copied |= {made} if any(one.is_copy for one in self.model.sent[wish.request.command]) else set()
        elif made not in self.model.batches:
            reborn = {one: derived_uuid(self.account, "batch", made, one) for one in wish.sources}
            self.model.batches[made] = ModelBatch(wish, {} if wish.is_deletion else reborn)
            for source, run in self.model.batches[made].reborn.items():
                self.model.expect(run, Birth(wish.birth.definition, source, wish.birth.is_approved), is_told=False)

    # -- several runs, whose ids follow from their sources

    def restart_together(self, sources: Sequence[str], place: str, key: str) -> None:
        """Restart ended runs of one definition in one transaction."""
        definition = self.definition_of(sources[0])
        ours = [source for source in sources if self.definition_of(source) == definition and self.has_ended(source)]
        if ours:
            ids = {source: derived_uuid(self.account, "camunda", "restart", key, source) for source in ours}
            births = {run: Birth(definition, source, place == "ship") for source, run in ids.items()}
            asked = instances("restart", definition, ours, _place_in(definition, place), key)
            self.make_many(asked, births, lambda _: set(births))

    def restart_many(self, sources: Sequence[str], key: str) -> None:
        """Restart runs each for itself."""
        words = self.account, "restate", "batch/restart-as-new"
        births = {derived_uuid(*words, one, f"{key}/0"): Birth(self.definition_of(one), one) for one in sources}
        self.make_many(many([*sources], key), births, _told_by_restate)

    def restart_letters(self, verb: str, ids: Sequence[str], key: str) -> None:
        are_live = {*ids} <= {*self.live_letters()}
        asked = letters(verb, [*ids], key)
        self.make_many(asked, self._born_of(verb, ids), _told_by_upstash, is_sure=are_live)

    def restart_page(self, verb: str, count: int) -> None:
        """Restart the newest dead letters."""
        births = self._born_of(verb, self.live_letters()[:count])
        self.make_many(page(verb, count), births, _told_by_upstash, again=partial(self.restart_page, verb, count))

    def _born_of(self, verb: str, ids: Sequence[str]) -> dict[str, Birth]:
        rows = {row["dead_letter_id"]["S"]: row for row in self.letter_rows()}
        is_approved = None if verb == "resume" else False
        return {
            derived_uuid(self.account, "dead_letter", id_): Birth(
                self.definition_of(rows[id_]["run_id"]["S"]), rows[id_]["run_id"]["S"], is_approved
            )
            for id_ in ids
        }

    def make_many(
        self,
        asked: Request,
        births: Mapping[str, Birth],
        told: Told,
        *,
        is_sure: bool = True,
        again: Callable[[], None] | None = None,
    ) -> None:
        """Ask for some runs once; whatever is not told of may be there nevertheless."""
        if births.keys() & self.model.gone:
            return  # what was restarted once would be restarted again
        others = self.model.asked.setdefault(asked.command, [])
        others.append(asked)
        settled = None if self._has_lost_letters(asked, births) else self.model.settled.get(repr(asked))
        reply = self.request(asked)
        if reply.is_refused and not reply.is_unknown:
            assert settled is None, f"{asked} was answered with {settled}, and then {reply}"
            assert not is_sure or any(map(asked.contradicts, others)), f"{asked}: {reply}"
            return
        runs = set() if reply.is_unknown else told(reply)
        assert runs <= births.keys(), f"{asked} made {runs}"
        assert settled is None or reply.is_unknown or settled == runs, f"{asked} made {settled}, and then {runs}"
        if asked.key is not None and settled is None and runs == births.keys():
            self.model.settled[repr(asked)] = runs
            self.model.again.append(partial(self.make_many, asked, births, told, is_sure=False))
        for run, birth in births.items():
            self.model.expect(run, birth, is_told=run in runs)
        if runs != births.keys():
            self.model.unheard.append(again or partial(self.make_many, asked, births, told, is_sure=False))

    def _has_lost_letters(self, asked: Request, births: Mapping[str, Birth]) -> bool:
        """Say whether tombstones that would tell of a command are gone with their runs."""
        return asked.path.startswith(DLQ) and any(birth.source in self.model.gone for birth in births.values())

    def repeat(self, of: int) -> None:
        """Ask once more for what was answered: it is answered with the same."""
        wishes = [wish for _, sent in sorted(self.model.sent.items()) for wish in sent]
        number = of % (len(wishes) + len(self.model.again) or 1)
        if number < len(wishes):
            self.make(wishes[number], may_be_refused=True)
        elif self.model.again:
            self.model.again[number - len(wishes)]()

    # -- dead letters, batches

    def remove_letters(self, ids: Sequence[str]) -> None:
        removed = {row["run_id"]["S"] for row in self.letter_rows() if row["dead_letter_id"]["S"] in ids}
        reply = self.request(Request("DELETE", f"{DLQ}?{'&'.join(f'dlqIds={id_}' for id_ in ids)}"))
        if reply.is_unknown or not reply.is_refused:
            self.play.removed |= removed
        if reply.is_unknown:
            self.model.unheard.append(partial(self.remove_letters, ids))

    def hold(self, batch: str, *, is_held: bool) -> None:
        self.request(Request("PUT", f"{REST}/batch/{batch}/suspended", {"suspended": is_held}))

    def end(self, batch: str) -> None:
        reply = self.request(Request("DELETE", f"{REST}/batch/{batch}"))
        if reply.is_unknown:
            self.model.unheard.append(partial(self.end, batch))
        self.model.batches[batch].is_ended_early |= reply.is_unknown or not reply.is_refused

    def set_retries(self, batch: str, job: int) -> None:
        self.request(Request("PUT", f"{REST}/job/{batch}.{job}/retries", {"retries": 2}))

    # -- changes

    def change(self, kind: str, way: str, run: str) -> None:
        """Change a run, and note what was answered; what has not ended is not deleted, nor what may change still."""
        if kind == "delete":
            if not self.has_ended(run) or run in self.model.unsure:
                return
            self.model.gone.add(run)
        asked = CHANGES[kind][way](run)
        if "{task}" in asked.path:
            self.play.account = self.account
            asked = asked.about(self.play.opened(run, "approve"))
        self._change(kind, run, asked)

    def _change(self, kind: str, run: str, asked: Request) -> None:
        reply, known = self.request(asked), self.model.runs[run]
        if reply.is_unknown:
            again = CHANGES["cancel"]["ops"](run) if kind == "cancel" else asked  # some refuse a second cancel
            self.model.unheard.append(partial(self._change, kind, run, again))
            self.model.unsure.add(run)
            known.said |= note_in(asked)
            known.doubtful |= note_in(asked)
        elif not reply.is_refused:
            self._changed(kind, run, asked, reply)

    def _changed(self, kind: str, run: str, asked: Request, reply: Reply) -> None:
        known = self.model.runs[run]
        match kind:
            case "complete":
                known.is_approved = True
            case "cancel":
                known.is_canceled |= "cancellation_failed" not in reply.body
            case "pause" | "resume":
                known.is_paused = kind == "pause"
            case "note":
                [known.note] = note_in(asked)
                known.said |= note_in(asked)
                known.doubtful.clear()
            case _:
                assert kind == "delete", kind

    # -- at last

    def ask_again(self) -> None:
        """Do again whatever was not answered; let batches and whoever stands in line go on."""
        model = self.model
        todo, model.unheard = model.unheard, []
        for again in todo:
            again()
        for command, wishes in model.sent.items():
            if command not in model.answered:
                self._ask_until_one_is_answered(wishes)
        for batch in model.batches:
            self.hold(batch, is_held=False)
        for run, known in model.runs.items():
            if known.is_object and known.is_paused:
                self.change("resume", "ops", run)

    def _ask_until_one_is_answered(self, wishes: Sequence[Wish]) -> None:
        """Repeat every request that nobody was told the end of; the first that is answered is the one that counted."""
        for wish in wishes:
            reply = self.request(wish.request)
            if not reply.is_refused:
                self.model.answered[wish.request.command] = reply.run, wish.request
                self._learn(wish, reply.run)
                return

    # -- what a stranger is answered

    def trespass(self, asked: Request) -> None:
        """Ask for what is another account's: it is not there, whatever is asked."""
        reply = self.request(asked)
        assert reply.is_unknown or reply.status in {400, 404}, f"{self.account} asked {asked}: {reply}"

    # -- looking

    def rows(self) -> dict[str, Row]:
        rows = self.play.rows("runs")
        return {row["run_id"]["S"]: row for row in rows if row["pk"]["S"].startswith(f"{self.account}#")}

    def standing(self) -> list[str]:
        """Name the runs that may be spoken of: they are known, and there."""
        return sorted(self.model.runs.keys() & self.rows().keys() - self.model.gone)

    def has_ended(self, run: str) -> bool:
        row = self.rows().get(run)
        return row is not None and row["status"]["S"] in ENDED

    def definition_of(self, run: str) -> str:
        row = self.rows().get(run)
        return ORDER if row is None else row["definition_key"]["S"]

    def entries(self, run: str) -> list[Entry]:
        self.play.account = self.account
        return self.play.entries(run)

    def _has_charged_first(self, run: str) -> bool:
        return any(isinstance(entry, Performed) and entry.activity == "charge" for entry in self.entries(run)[:1])

    def letter_rows(self) -> list[Row]:
        """Answer the dead letters and tombstones, newest first."""
        rows = [row for row in self.play.rows("dead-letters") if row["pk"]["S"].startswith(f"{self.account}#")]
        return sorted(rows, key=lambda row: str(row["dead_letter_id"]["S"]), reverse=True)

    def live_letters(self) -> list[str]:
        return [row["dead_letter_id"]["S"] for row in self.letter_rows() if "live_shard" in row]


def _place_in(definition: str, place: str) -> str:
    return "charge" if definition == CART and place == "approve" else place


def _told_by_restate(reply: Reply) -> set[str]:
    return {read_run_id(one["new_invocation_id"]) for one in json.loads(reply.body)["succeeded"]}


def _told_by_upstash(reply: Reply) -> set[str]:
    told = json.loads(reply.body)["workflowRuns"]
    return {read_upstash(ACME, one["workflowRunId"]) for one in told}
