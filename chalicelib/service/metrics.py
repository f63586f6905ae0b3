"""Which lines of the log are numbers too: a line itself tells CloudWatch what to count of it.

That is its embedded metric format: no call, no agent, nothing in the template
(docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Line = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Counted:
    """Numbers that lines have; a line without such a field counts as one. `by` are the fields that tell them apart."""

    numbers: tuple[str, ...]
    by: tuple[str, ...] = ()
    is_meant: Callable[[Line], bool] = lambda _line: True


_CALLS = Counted(("aws_calls", "aws_repeats"), ("function",))

COUNTED: Mapping[object, tuple[Counted, ...]] = {
    "request": (
        _CALLS,
        Counted(("requests",), ("dialect",)),
        Counted(("refusals",), ("dialect", "refusal"), lambda line: line["refusal"] is not None),
    ),
    "run made": (Counted(("runs_made",), ("dialect", "kind"), lambda line: line["is_repeat"] is False),),
    "run begun": (Counted(("runs_begun",), ("dialect", "kind")), Counted(("waited_ms",))),
    "run left": (Counted(("runs_left",), ("status",)),),
    "message": (_CALLS,),
    "batch made": (Counted(("batches_made",), ("dialect",)),),
    "batch seen": (Counted(("jobs_left",)),),
    "batch ended": (Counted(("batches_ended",), ("dialect",)),),
    "job done": (Counted(("jobs_done",), ("dialect",)),),
    "job failed": (Counted(("jobs_failed",), ("dialect",)),),
    "swept": (Counted(("rung", "late_ms")), _CALLS),
}
"""What is counted, by the message of a line."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts the lines of a function, in a namespace of its stage."""

    namespace: str
    function: str

    def members(self, line: Line, at: int) -> dict[str, object]:
        """Answer what a line that was written at a time (ms) must hold to be counted; nothing if it is not."""
        counted = [it for it in COUNTED.get(line["message"], ()) if it.is_meant(line)]
        if not counted:
            return {}
        ones = {number: 1 for it in counted for number in it.numbers if number not in line}
        told = {"Timestamp": at, "CloudWatchMetrics": [self._directive(it) for it in counted]}
        return {**ones, "function": self.function, "_aws": told}

    def _directive(self, counted: Counted) -> dict[str, object]:
        numbers = [{"Name": number, **_unit(number)} for number in counted.numbers]
        return {"Namespace": self.namespace, "Dimensions": [[*counted.by]], "Metrics": numbers}


def _unit(number: str) -> dict[str, str]:
    return {"Unit": "Milliseconds"} if number.endswith("_ms") else {}
