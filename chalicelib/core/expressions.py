r"""One small, pure, bounded expression language over JSON values: conditions, mappings, listeners, fields of actions.

It is a part of Python's expression syntax. What this table does not have is refused before anything is evaluated.

| construct                              | meaning                                                                    |
|----------------------------------------|----------------------------------------------------------------------------|
| `1`, `2.5`, `"text"`, `'text'`         | literals; escapes are those of JSON and `\'`, without `\/` and surrogates  |
| `true`, `false`, `null`                | constants, before a variable of that name; `True`, `False`, `None` as well |
| `[a, b]`, `{"key": a}`                 | a list, an object; the keys of an object are texts                         |
| `amount`                               | a variable; an unknown one fails; no name begins with `_`                  |
| `order.id`, `order["id"]`              | a field of an object and of nothing else; a missing one fails              |
| `list[0]`, `list[-1]`, `text[1:3]`     | an element, a slice                                                        |
| `+ - * / // % **`                      | numbers; `+` also joins two texts or two lists, `*` also repeats one       |
| `== != < <= > >=`, `in`, `not in`      | as in Python, chains (`0 < a < 9`) too; `in` an object looks at its keys   |
| `and`, `or`, `not`, `a if c else b`    | as in Python: null, false, 0 and what is empty are false; the rest is true |
| `exists(path)`                         | whether each name, field and index of a path is there; null is there       |
| `len(x)`                               | the length of a text, a list or an object                                  |
| `min(…)`, `max(…)`, `sum(list)`        | of a list; `min` and `max` also of several arguments                       |
| `abs(n)`, `round(n)`, `round(n, 2)`    | as in Python: a half is rounded to the even neighbour                      |
| `int(x)`, `float(x)`                   | a number from a number or a text; `int` cuts a fraction off                |
| `str(x)`                               | a text as it is, anything else as compact JSON                             |
| `lower(text)`, `upper(text)`           | in small letters, in capitals                                              |

A value comes from a literal, a variable or an operation above and from nowhere else, so no Python object can be
reached. The same text and variables give the same value. Variables are never changed; a result may share parts
with them, and is left unchanged like every JSON value in this house.

What an evaluation costs is bounded by its text, which bounds the number of operations, and by `MAX_WORK`, which
bounds what they handle together: microseconds as a rule, tens of milliseconds for a text made to be slow.
"""

import ast
import re
from collections.abc import Mapping
from functools import lru_cache
from inspect import signature

from chalicelib.core.evaluation import EVALUATED, FAILURES, value_of
from chalicelib.core.json_values import Json
from chalicelib.core.operations import FUNCTIONS, OPERATORS, is_in_range

MAX_TEXT = 1000  # characters: ten lines; what is longer is a program
MAX_NODES = 200  # operands and operations: more than a text of this length holds in earnest
MAX_DEPTH = 32  # operations in one another: each takes a few of Python's 1,000 frames
_MAX_QUOTED = 200  # characters of a text that an error's message repeats

STRING = r"""(?:"(?:\\.|[^"\\])*(?:"|\Z)|'(?:\\.|[^'\\])*(?:'|\Z))"""
"""A pattern (for `re.DOTALL`) of a literal text; one that is not closed goes on to the end."""

_STRING = re.compile(STRING, re.DOTALL)
_ESCAPE = re.compile(r"""\\(?:[\\'"bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4})""")  # what may follow a backslash
_GLUED = re.compile(r"(?<!\w)\d[\w.]*?(?:and|else|for|if|in|is|not|or)\b")  # `1if a else 2`
_LANGUAGE = EVALUATED | frozenset(OPERATORS) | {ast.And, ast.Or, ast.Load}


class _ExpressionError(Exception):
    def __init__(self, expression: str, reason: str) -> None:
        super().__init__(expression, reason)
        self.expression = expression
        self.reason = _quoted(reason)

    def __str__(self) -> str:
        return f"{self.reason} in `{_quoted(self.expression)}`"


class ExpressionInvalid(_ExpressionError):
    """This text is no expression, whatever the variables."""


class ExpressionFailed(_ExpressionError):
    """This expression has no value with these variables."""


def check_expression(text: str) -> None:
    """Raise ExpressionInvalid unless the text is an expression, bare or as one `${…}`."""
    _parse(_bare(text))


def evaluate(text: str, names: Mapping[str, Json]) -> Json:
    """Answer an expression's value, or raise ExpressionInvalid or ExpressionFailed."""
    tree = _parse(_bare(text))
    try:
        return value_of(tree, names)
    except FAILURES as error:
        raise ExpressionFailed(text, _reason(error)) from error


def is_true(text: str, names: Mapping[str, Json]) -> bool:
    """Answer a condition's truth; fail if its value is anything but true or false."""
    value = evaluate(text, names)
    if not isinstance(value, bool):
        raise ExpressionFailed(text, "the value is neither true nor false")
    return value


def _bare(text: str) -> str:
    stripped = text.strip()
    is_wrapped = stripped.startswith("${") and stripped.endswith("}")
    return stripped[2:-1].strip() if is_wrapped else stripped


def _reason(error: Exception) -> str:
    """Answer what an error says in words; some of Python's put numbers before."""
    return str(error.args[-1]) if error.args else type(error).__name__


def _quoted(text: str) -> str:
    """Cut a text to what a message may repeat, in characters that can be written down."""
    cut = text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}…"
    return cut.encode(errors="backslashreplace").decode()


@lru_cache(maxsize=512)  # the largest tree takes about 100 KB
def _parse(text: str) -> ast.expr:
    """Find out all that can be known without values."""
    _check_text(text)
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise ExpressionInvalid(text, error.msg) from error
    except (ValueError, RecursionError, MemoryError) as error:  # no UTF-8 for it; too deep for Python's parser
        raise ExpressionInvalid(text, _reason(error)) from error
    _check_size(text, tree)
    for node in ast.walk(tree):
        if objection := _objection(node):
            raise ExpressionInvalid(text, objection)
    return tree


def _check_text(text: str) -> None:
    """Refuse what is too long, and what Python takes with a warning: a process may turn that into an error."""
    if len(text) > MAX_TEXT:
        raise ExpressionInvalid(text, f"more than {MAX_TEXT} characters")
    if "\\" in _ESCAPE.sub("", text):
        raise ExpressionInvalid(text, "an unknown escape after a backslash")
    if _GLUED.search(_STRING.sub("", text)):
        raise ExpressionInvalid(text, "a number runs into a word")


def _check_size(text: str, tree: ast.expr) -> None:
    level, depth, nodes = [tree], 0, 0
    while level:
        depth, nodes = depth + 1, nodes + len(level)
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    if depth > MAX_DEPTH or nodes > MAX_NODES:
        raise ExpressionInvalid(text, f"more than {MAX_NODES} parts, or {MAX_DEPTH} in one another")


def _objection(node: ast.AST) -> str | None:
    """Say why a node is not in the language, if it is not."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return f"'{name}' begins with an underscore" if name.startswith("_") else None
        case ast.Constant(value=value):
            is_json = isinstance(value, str | int | float | None) and is_in_range(value)
            return None if is_json else "a literal is not JSON, or is too large"
        case ast.Call():
            return _objection_to_call(node)
        case ast.Dict(keys=keys) if None in keys:
            return "'**' is not in the language"
        case _:
            return None if type(node) in _LANGUAGE else f"{type(node).__name__} is not in the language"


def _objection_to_call(call: ast.Call) -> str | None:
    match call:
        case ast.Call(func=ast.Name(id="exists"), args=[ast.Name() | ast.Attribute() | ast.Subscript()], keywords=[]):
            return None
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _objection_to_arguments(name, args)
        case _:
            return f"only these can be called, without keywords: exists(path), {', '.join(FUNCTIONS)}"


def _objection_to_arguments(function: str, arguments: list[ast.expr]) -> str | None:
    try:
        signature(FUNCTIONS[function]).bind(*arguments)
    except TypeError as error:
        return f"{function}: {error}"
    return None
