"""Where schedules are played, one after another: an engine, a clock, ids, the functions of the app."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from chalice.app import SQSEventConfig

from app import app
from chalicelib import wiring
from chalicelib.actions.performer import Performer
from chalicelib.core.access import Scope
from chalicelib.core.effects import Effect, Failed, HttpCall, Outcome
from chalicelib.stores.clients import Clients
from local import aws
from local.event_sources import Function
from local.template import event_source_queue, read_template
from tests.faults.engines import STAGE, Engine, Lean, Moto
from tests.faults.lambdas import API_S, FUNCTION_S, Sandbox
from tests.faults.strikes import Strikes, striking
from tests.world import ACME, BEGINNING, Clock, Ids, Outside, machine

API, SWEEP = "api_handler", "sweep"
FUNCTIONS = (API, *(source.name for source in app.event_sources))
ENGINES: Mapping[str, Callable[[Clock], Engine]] = {"lean": Lean, "moto": Moto}


@dataclass(slots=True)
class Stage:
    """Plays schedules on one engine. What a schedule leaves in memory, `clear` forgets."""

    engine: Engine
    clock: Clock
    clients: Clients
    queues: Mapping[str, str] = field(default_factory=dict)
    ids: Ids = field(default_factory=Ids)
    outside: Outside = field(default_factory=Outside)
    strikes: Strikes = field(default_factory=Strikes)
    functions: dict[str, Sandbox] = field(default_factory=dict)
    secret: str = ""
    held: Callable[[str], int] = lambda _function: 0
    """How many messages that can be seen wait for a function outside of its queue."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What `tests.faults.play` keeps of each beginning, to go back to."""
    outcomes: dict[str, Any] = field(default_factory=dict)
    """What `tests.faults.campaigns` keeps of each scenario when nothing goes wrong."""

    def clear(self) -> None:
        """Let every process be new, and the outside world well."""
        self.ids, self.outside, self.strikes, self.held = Ids(), Outside(), Strikes(), lambda _function: 0
        self.clock.ms = BEGINNING
        self.functions = {name: self.sandbox(name) for name in FUNCTIONS}

    def sandbox(self, name: str) -> Sandbox:
        """Answer a new execution environment of a function."""
        handler, timeout_s = (app, API_S) if name == API else (app.handler_map[name], FUNCTION_S)
        return Sandbox(Function(name, handler, timeout_s, lambda: self.clock.ms / 1000, self.ids), self.boot)

    def boot(self) -> wiring.Services:
        """Answer the services of a new process: it remembers nothing."""
        performer = cast("Performer", _Struck(self))
        return wiring.build(settings(self.engine), machine(self.clock, self.ids), self.clients, performer)

    def waiting(self, queue_url: str) -> int:
        """Say how many messages of a queue can be seen and are to be delivered by the tests."""
        return sum(self.held(of) for queue, of in self.queues.items() if self.engine.resources.refs[queue] == queue_url)

    def make_key(self) -> None:
        """Let clients show a key that may do everything."""
        _, self.secret = self.boot().access.create(ACME, "a schedule's", frozenset(Scope), "live", None)


@dataclass(frozen=True, slots=True)
class _Struck:
    """The outside world, where faults strike as they do at AWS: an effect is a numbered call too."""

    stage: Stage

    def perform(self, effect: Effect) -> Outcome:
        assert isinstance(effect, HttpCall)
        name = f"outside.{effect.url.rsplit('/', 1)[-1]}"
        try:
            outcome: Outcome = self.stage.strikes.call(name, {}, lambda _: self.stage.outside.perform(effect))
        except (EndpointConnectionError, ReadTimeoutError):
            return Failed("connection", "struck", is_retryable=True)
        except ClientError:
            return Failed("http_503", "struck", is_retryable=True)
        return outcome


def settings(engine: Engine) -> wiring.Settings:
    return wiring.Settings(
        stage=STAGE,
        region=aws.REGION,
        runs_queue_url=engine.resources.refs["RunsQueue"],
        bulk_runs_queue_url=engine.resources.refs["BulkRunsQueue"],
        dispatch_queue_url=engine.resources.refs["DispatchQueue"],
        batches_queue_url=engine.resources.refs["BatchesQueue"],
        cursor_secret="a secret of the schedules, long enough",
        due_shards=1,
    )


@contextmanager
def stage(engine_name: str = "lean") -> Iterator[Stage]:
    """Open a stage on an engine; inside, every AWS call of this process is its."""
    clock = Clock()
    engine = ENGINES[engine_name](clock)
    with engine.running(), _silence():
        opened = Stage(engine, clock, wiring.connect_clients(settings(engine)), _fed_functions())
        opened.clear()
        with striking(lambda: opened.strikes, opened.waiting):
            yield opened


def _fed_functions() -> dict[str, str]:
    """Answer which function each queue feeds."""
    template = read_template()
    sources = [source for source in app.event_sources if isinstance(source, SQSEventConfig)]
    return {event_source_queue(template, source.name): source.name for source in sources}


@contextmanager
def _silence() -> Iterator[None]:
    """Write no log: thousands of schedules tell theirs by a line each."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(disabled)
