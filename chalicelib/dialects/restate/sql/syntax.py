"""sqlglot's tree of a text, within bounds, and how it is taken apart: a node is read whole or refused.

sqlglot reads the SQL of every database, so a node may hold more than its reader expects (a sample, a lock, a negation).
`operands` names all that is expected; whatever else is there is refused by name, and nothing is passed over.
"""

import re
from collections.abc import Sequence
from typing import Final

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from chalicelib.dialects.restate.sql.refusals import NotSupported, QuerySyntax

MAX_TOKENS: Final = 5_000
MAX_DEPTH: Final = 32  # of parentheses
_TOLD_MOST: Final = 60  # characters of the sender's own
_SILENT: Final = frozenset({"big_int", "is_function", "nested", "quoted"})
"""What sqlglot notes for writing SQL again."""


def tree_of(text: str) -> exp.Expr:
    """Parse one SELECT. PostgreSQL's grammar is the nearest to DataFusion's: quotes, LIKE, where NULLs sort."""
    dialect = Postgres()
    try:
        tokens = dialect.tokenize(text)
        _check_bounds(tokens)
        statements = [one for one in dialect.parser().parse(tokens, text) if one and not isinstance(one, exp.Semicolon)]
    except TokenError as error:
        raise QuerySyntax("a quoted text or a comment has no end") from error
    except ParseError as error:
        raise QuerySyntax(_told(error)) from error
    if len(statements) != 1:
        raise NotSupported("more than one statement")
    return statements[0]


def _told(error: ParseError) -> str:
    """Say what is wrong and where; what is missing, sqlglot names by classes of its own."""
    found = error.errors[0]
    description = str(found["description"]).rstrip(".")
    what = "something is missing" if description.startswith("Required") else description
    return f"{what} at line {found['line']}, column {found['col']}"


def _check_bounds(tokens: list[Token]) -> None:
    if not tokens:
        raise QuerySyntax("the query is empty")
    if tokens[0].token_type is not TokenType.SELECT:
        raise NotSupported(f"a statement that begins with {tokens[0].text[:_TOLD_MOST]!r}; only SELECT is answered")
    if len(tokens) > MAX_TOKENS:
        raise NotSupported(f"a query of more than {MAX_TOKENS} words and signs")
    depth = 0
    for token in tokens:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth > MAX_DEPTH:
            raise NotSupported(f"more than {MAX_DEPTH} parentheses in each other")


def operands(node: exp.Expr, *names: str, flags: Sequence[str] = (), lists: Sequence[str] = ()) -> list[exp.Expr]:
    """Answer these parts of a node, which must all be there; refuse a node that has others than these."""
    known = {*names, *flags, *lists, *_SILENT}
    for name, value in node.args.items():
        if value and name not in known:
            first = value[0] if isinstance(value, list) else value
            raise unsupported(first if isinstance(first, exp.Expr) else node)
    found = [value for name in names if isinstance(value := node.args.get(name), exp.Expr)]
    if len(found) < len(names):
        raise unsupported(node)
    return found


def list_of(node: exp.Expr, name: str) -> list[exp.Expr]:
    listed: list[exp.Expr] = node.args.get(name) or []
    return listed


def name_of(node: exp.Expr) -> str:
    """Answer an identifier: in small letters, unless it is quoted."""
    if not isinstance(node, exp.Identifier):
        raise unsupported(node)
    name = str(node.this)
    return name if node.args.get("quoted") else name.lower()


def unsupported(node: exp.Expr) -> NotSupported:
    """Say that something is not supported, in the sender's words as far as they are short."""
    text = re.sub(r"\s+", " ", node.sql(dialect=Postgres, unsupported_level=ErrorLevel.IGNORE))
    return NotSupported(text if len(text) <= _TOLD_MOST else f"{text[:_TOLD_MOST]}…")
