"""Perform an effect on the world, whatever its type, and say what came of it."""

from dataclasses import dataclass
from typing import assert_never

from chalicelib.actions.functions import FunctionInvoker, invoke_function
from chalicelib.actions.http import HttpCaller
from chalicelib.core.effects import Effect, HttpCall, LambdaInvoke, Outcome


@dataclass(frozen=True, slots=True)
class Performer:
    """Performs effects at least once: a repeat carries the same idempotency key."""

    http: HttpCaller
    functions: FunctionInvoker | None = None

    def perform(self, effect: Effect) -> Outcome:
        """Perform an effect; never raises for what the other side or the network does."""
        match effect:
            case HttpCall():
                return self.http.call(effect)
            case LambdaInvoke():
                return invoke_function(effect, self.functions)
            case _:
                assert_never(effect)
