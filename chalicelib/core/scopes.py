"""The scopes of a run while it is moved on: which are open, and the variables that live in each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from chalicelib.core.json_values import Variables
from chalicelib.core.state import ROOT, Scope


class Scopes:
    """A working copy of a state's scopes."""

    def __init__(self, scopes: Mapping[int, Scope], next_id: int) -> None:
        self.open = dict(scopes)
        self.next_id = next_id

    def add(self, parent: int, holder: int, variables: Variables) -> int:
        """Open a scope within another one for the token that waits for its end, and answer its id."""
        scope = Scope(self.next_id, parent=parent, holder=holder, variables=variables)
        self.open[scope.id] = scope
        self.next_id += 1
        return scope.id

    def within(self, parent: int) -> Iterator[tuple[int, int]]:
        """List the scopes that stand right in another one: their ids, and the tokens that wait for their ends."""
        for scope in self.open.values():
            if scope.parent == parent and scope.holder is not None:
                yield scope.id, scope.holder

    def names(self, scope: int) -> Variables:
        """Answer what an expression in this scope sees: inner variables hide outer ones."""
        names: Variables = {}
        around: int | None = scope
        while around is not None:
            names = {**self.open[around].variables, **names}
            around = self.open[around].parent
        return names

    def write(self, scope: int, writes: Variables) -> None:
        """Set each variable where it lives: in the innermost scope that has it, else in the root."""
        for name, value in writes.items():
            home = scope
            while home != ROOT and name not in self.open[home].variables:
                home = self.open[home].parent or ROOT
            self._set(home, {**self.open[home].variables, name: value})

    def change(self, writes: Variables, removed: Sequence[str]) -> None:
        """Set and take away variables of the run as a whole."""
        left = {name: value for name, value in self.open[ROOT].variables.items() if name not in removed}
        self._set(ROOT, {**left, **writes})

    def _set(self, scope: int, variables: Variables) -> None:
        self.open[scope] = replace(self.open[scope], variables=variables)
