"""The deployed service at work, in virtual time: as many processes of each function as are deployed, all at once.

    message ─► a queue ─► a process of its function, if one is free ─► call … call … call ─► the next message
    minute  ─► the sweep
    client  ─► a process of the API's for each request

Each handler is a greenlet that is set aside at every AWS call and every effect for as long as that takes; whoever is
due next goes on. So there is one agenda, and time is what stands first on it. What a handler computes takes no time.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any

from chalice.utils import to_cfn_resource_name
from greenlet import getcurrent, greenlet

from local.template import read_template
from tests.faults.lambdas import Died, Reply, Sandbox, raw_event, read_reply, schedule_event
from tests.faults.play import VISIBILITY
from tests.faults.stage import API, SWEEP, Stage
from tests.world import MINUTE

CALL_MS = 5  # an AWS call, warm and within a region
EFFECT_MS = 200  # an effect

Act = Callable[[], object]


def deployed_concurrency(function: str) -> int:
    """Answer how many messages a function works on at a time, as it is deployed."""
    template, name = read_template(), to_cfn_resource_name(function)
    source = template["Resources"][name]["Properties"]["Events"][f"{name}SqsEventSource"]
    parameter = source["Properties"]["ScalingConfig"]["MaximumConcurrency"]["Ref"]
    return int(template["Parameters"][parameter]["Default"])


@dataclass(slots=True)
class Traffic:
    """All that happens on a stage, in order of time (ms)."""

    stage: Stage
    effect_ms: int = EFFECT_MS
    free: dict[str, int] = field(init=False)
    waiting: dict[str, deque[str]] = field(default_factory=dict)
    """The messages that can be seen, and for which no process is free, by function."""
    arrived: Counter[str] = field(default_factory=Counter)
    """How many messages came, by function."""
    _at_work: int = 0
    _agenda: list[tuple[int, int, Act]] = field(default_factory=list)
    _numbers: Any = field(default_factory=count)
    _warm: dict[str, list[Sandbox]] = field(default_factory=dict)
    _main: Any = field(default_factory=getcurrent)

    def __post_init__(self) -> None:
        self.free = {function: deployed_concurrency(function) for function in self.stage.queues.values()}

    def at(self, time: int, act: Act) -> None:
        """Let something happen at a time (ms)."""
        heappush(self._agenda, (max(time, self.stage.clock.ms), next(self._numbers), act))

    def run(self, is_over: Callable[[], bool]) -> None:
        """Let everything happen that is on the agenda, and what comes of it, until enough has."""
        self.stage.strikes.watch = self._take_time
        self.stage.held = lambda function: len(self.waiting.get(function, ()))
        self.at(-(-self.stage.clock.ms // MINUTE) * MINUTE, self._tick)
        while self._agenda and not is_over():
            time, _, act = heappop(self._agenda)
            self.stage.clock.ms = time
            act()
            self._pull()

    @property
    def is_idle(self) -> bool:
        """Say whether nobody works, and no message waits that can be seen."""
        return not self._at_work and not any(self.waiting.values())

    # -- handlers

    def _take_time(self, _function: str, name: str, _request: Any) -> None:
        """Set the handler that makes a call aside until the call is made."""
        takes = self.effect_ms if name.startswith("outside.") else CALL_MS
        self.at(self.stage.clock.ms + takes, getcurrent().switch)
        self._main.switch()

    def _begin(self, function: str, work: Callable[[Sandbox], object]) -> None:
        """Let a process of a function work; one that has worked before is warm."""
        warm = self._warm.setdefault(function, [])
        process = warm.pop() if warm else self.stage.sandbox(function)
        self._at_work += 1

        def handle() -> None:
            work(process)
            self._at_work -= 1
            warm.append(process)

        greenlet(handle, parent=self._main).switch()

    # -- clients

    def request(self, at: int, secret: str, path: str, body: str, answer: Callable[[Reply], None]) -> None:
        """Let a client post something at a time (ms)."""
        headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}

        def work(process: Sandbox) -> None:
            answer(read_reply(process.invoke(raw_event("POST", path, body, headers))))

        self.at(at, lambda: self._begin(API, work))

    # -- the schedule

    def _tick(self) -> None:
        at = self.stage.clock.ms
        self._begin(SWEEP, lambda process: process.invoke(schedule_event(at)))
        self.at(at + MINUTE, self._tick)

    # -- queues

    def _pull(self) -> None:
        """Take what was sent since: each message comes when its delay is over."""
        for queue, function in self.stage.queues.items():
            for sent in self.stage.engine.take(queue):
                self.at(sent.visible_at, partial(self._arrive, function, sent.body))

    def _arrive(self, function: str, body: str) -> None:
        self.arrived[function] += 1
        self.waiting.setdefault(function, deque()).append(body)
        self._hand_over(function)

    def _hand_over(self, function: str) -> None:
        """Give free processes of a function what waits for them."""
        waiting = self.waiting[function]
        while waiting and self.free[function]:
            self.free[function] -= 1
            self._begin(function, partial(self._work, function, waiting.popleft()))

    def _work(self, function: str, body: str, process: Sandbox) -> None:
        record = {"messageId": "message", "body": body, "eventSource": "aws:sqs"}
        try:
            is_done = not process.invoke({"Records": [record]})["batchItemFailures"]
        except Died:
            is_done = False
        if not is_done:
            self.at(self.stage.clock.ms + VISIBILITY, partial(self._arrive, function, body))
        self.free[function] += 1
        self.at(self.stage.clock.ms, partial(self._hand_over, function))
