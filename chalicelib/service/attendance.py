"""Stand by a run in the request that asks for its end: a client that calls waits no longer than one request can.

    see_through ─► advance it here, as a worker that was rung for would ─► wait
    wait        ─► read the head ─► ended: answer it
                                └─► else: pause, and read again, until the time is over: answer it as it is

The run goes on whether anybody stands by or not: it was rung for when it was written.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.core.errors import Busy
from chalicelib.core.runs import Run
from chalicelib.service.runs import Runs
from chalicelib.service.work import Worker
from chalicelib.stores.audit_records import leaving
from chalicelib.stores.shards import run_key

HOLD_MS = 24_000  # API Gateway answers in our stead after 29 s, and the last read and the answer take their time
PAUSES_S = (0.1, 0.2, 0.4, 0.8, *(1.0,) * 22)  # who ends soon is told soon; 27 reads at most


@dataclass(frozen=True, slots=True)
class Attendance:
    runs: Runs
    worker: Worker
    now: Callable[[], int]
    pause: Callable[[float], None]

    def see_through(self, run: Run) -> Run:
        """Take a run as far as it goes, here and now, and answer it when it has ended or the time is over.

        Whatever hinders us is no refusal: the run exists, and another worker will come to it.
        """
        if run.status.is_ended:
            return run
        until = self.now() + HOLD_MS
        with suppress(Busy), leaving(None):  # what a worker writes, nobody has asked for
            self.worker.advance(run_key(run.account, run.id), lambda: until - self.now())
        return self._stand_by(self._read_again(run), until)

    def wait(self, run: Run) -> Run:
        """Answer a run when it has ended or the time is over."""
        return self._stand_by(run, self.now() + HOLD_MS)

    def _stand_by(self, run: Run, until: int) -> Run:
        for pause_s in PAUSES_S:
            if run.status.is_ended or self.now() + pause_s * 1000 > until:
                return run
            self.pause(pause_s)
            run = self._read_again(run)
        return run

    def _read_again(self, run: Run) -> Run:
        """Answer a run as it is now, or as it was if nobody can be asked; raise `RunNotFound` if it was deleted."""
        with suppress(Busy):
            return self.runs.load(run.account, run.id)
        return run
