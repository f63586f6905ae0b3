"""A page of a list as Retab's clients read it: what is on it, and where the pages beside it begin."""

from typing import TypedDict


class Ends(TypedDict):
    """The cursors of the pages before and after; null: there is none."""

    before: str | None
    after: str | None


WHOLE = Ends(before=None, after=None)
"""Of a list that is answered on one page."""
