"""How long ended runs are kept: the moment itself, what a document may say, and what a run takes with it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.births import Birth, plan_start
from chalicelib.core.definition_documents import MAX_KEPT_S, DefinitionInvalid, read_definition
from chalicelib.core.ids import RunId
from chalicelib.core.json_values import Json
from chalicelib.core.refusals import JournalGone
from chalicelib.core.restart_requests import AfterEntry, RestartRequest, StartRequest
from chalicelib.core.restarts import plan_restart
from chalicelib.core.retention import LINGER_MS, Expiry, Retention
from chalicelib.core.runs import Run, RunStatus
from chalicelib.core.versions import Version, snapshot_id
from tests.graphs import Compute, document
from tests.world import ACME, CAUSE, ORDER

AT = 1_790_000_000_000
SAID = Retention(completion_s=60, journal_s=10)

times = st.integers(0, 2**42)
spans = st.none() | st.integers(0, MAX_KEPT_S) | st.floats(0, MAX_KEPT_S)


def version_that_says(said: Json) -> Version:
    graph = read_definition({**document(Compute("count")), "retention": said})
    return Version(ORDER, snapshot_id(graph.document), graph, 1)


def ended(version: Version, at: int = AT, settled: Retention | None = None, wished: Retention | None = None) -> Run:
    request = StartRequest(ACME, CAUSE, {"count": 0}, retention=wished)
    return plan_start(request, version, Birth(RunId("run"), "hash", at), settled).run


class TestTheMoment:
    @given(times, spans, spans)
    def test_is_so_many_milliseconds_after_the_end_and_the_journal_goes_with_its_run(self, at, completion_s, journal_s):
        expiry = Retention(completion_s, journal_s).expiry(at)

        assert expiry.run == (None if completion_s is None else at + round(completion_s * 1000))
        ends = [at + round(kept_s * 1000) for kept_s in (completion_s, journal_s) if kept_s is not None]
        assert expiry.journal == min(ends, default=None)

    @given(times, spans, spans, st.integers(-2, 2))
    def test_divides_what_is_kept_from_what_is_not(self, at, completion_s, journal_s, off):
        expiry = Retention(completion_s, journal_s).expiry(at)

        assert expiry.run is None or expiry.has_run(expiry.run + off) == (off < 0)
        assert expiry.journal is None or expiry.has_journal(expiry.journal + off) == (off < 0)

    @given(times, spans, spans, times)
    def test_comes_a_while_before_anything_is_taken_away(self, at, completion_s, journal_s, now):
        expiry = Retention(completion_s, journal_s).expiry(at)

        if expiry.is_to_be_cleaned(now):
            assert not expiry.has_journal(now - LINGER_MS)
        if expiry.is_to_be_removed(now):
            assert not expiry.has_run(now - LINGER_MS)
            assert expiry.is_to_be_cleaned(now)

    def test_never_comes_for_what_is_kept_for_ever(self):
        assert (Expiry().cleaned_at, Expiry().removed_at) == (None, None)
        assert not Expiry().is_to_be_cleaned(AT)
        assert not Expiry().is_to_be_removed(AT)


class TestADocument:
    @pytest.mark.parametrize(
        ("said", "read"),
        [
            (None, Retention()),
            ({}, Retention()),
            ({"completion_s": None, "journal_s": 0}, Retention(journal_s=0)),
            ({"completion_s": 1.5}, Retention(completion_s=1.5)),
            ({"completion_s": 60, "journal_s": 10}, SAID),
        ],
    )
    def test_says_how_long_its_runs_are_kept(self, said, read):
        assert version_that_says(said).definition.retention == read

    @pytest.mark.parametrize(
        ("said", "problem"),
        [
            (5, "must be an object"),
            ({"completion_s": "1d"}, "'completion_s' must be a number"),
            ({"journal_s": -1}, "'journal_s' must be from 0 to"),
            ({"journal_s": MAX_KEPT_S + 1}, "'journal_s' must be from 0 to"),
            ({"days": 3}, "'days' is not a field of this element"),
        ],
    )
    def test_that_says_it_wrong_is_refused(self, said, problem):
        with pytest.raises(DefinitionInvalid) as refused:
            version_that_says(said)

        assert problem in refused.value.defects[0].problem


class TestARun:
    @pytest.mark.parametrize(
        ("settled", "wished", "taken"),
        [
            (None, None, SAID),
            (Retention(5), None, Retention(5)),
            (Retention(), None, Retention()),
            (Retention(5), Retention(6), Retention(6)),
        ],
        ids=["as its definition says", "as is settled", "for ever, as is settled", "as its start wishes"],
    )
    def test_is_kept(self, settled, wished, taken):
        run = ended(version_that_says({"completion_s": 60, "journal_s": 10}), settled=settled, wished=wished)

        assert (run.status, run.retention, run.expiry) == (RunStatus.COMPLETED, taken, taken.expiry(AT))
        assert (run.not_before, run.wake_at) == (None, taken.expiry(AT).cleaned_at)

    def test_that_is_restarted_hands_on_how_long_it_is_kept(self):
        version = version_that_says({"completion_s": 60})
        source = ended(version, settled=Retention(5))

        new = plan_restart(RestartRequest(source.id, CAUSE), source, (), version, Birth(RunId("new"), "hash", AT + 1))

        assert (new.run.retention, new.run.expiry) == (Retention(5), Retention(5).expiry(AT + 1))

    @pytest.mark.parametrize("wish", [{"start": AfterEntry(0)}, {"is_bound_to_journal": True}])
    @pytest.mark.parametrize(("at", "is_refused"), [(AT + 9_999, False), (AT + 10_000, True), (AT + 10_001, True)])
    def test_without_journal_is_no_source_of_what_needs_one(self, wish, at, is_refused):
        version = version_that_says({"completion_s": 60, "journal_s": 10})
        request = StartRequest(ACME, CAUSE, {"count": 0})
        source = plan_start(request, version, Birth(RunId("run"), "hash", AT))
        wishes = RestartRequest(source.run.id, CAUSE, **wish)
        birth = Birth(RunId("new"), "hash", at)

        if is_refused:
            with pytest.raises(JournalGone):
                plan_restart(wishes, source.run, source.journal, version, birth)
        else:
            assert plan_restart(wishes, source.run, source.journal, version, birth).run.id == "new"

    def test_without_journal_can_be_restarted_from_its_input(self):
        version = version_that_says({"journal_s": 0})
        source = ended(version)

        new = plan_restart(RestartRequest(source.id, CAUSE), source, (), version, Birth(RunId("new"), "hash", AT))

        assert new.run.input == source.input
