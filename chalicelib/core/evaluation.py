"""Walk the tree of an expression that was found to be one, and answer its value."""

import ast
from collections.abc import Mapping
from typing import Any, cast

from simpleeval import InvalidExpression, SimpleEval

from chalicelib.core.json_values import Json, canonical_json, is_deeper
from chalicelib.core.operations import Meter, field, item

MAX_RESULT_BYTES = 256 * 1024  # of compact JSON: leaves room in a 350 KB journal entry
MAX_RESULT_DEPTH = 100  # what an action may answer (64) and what is put around it; readers give up near 1,000

FAILURES = (
    ArithmeticError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,  # variables that are nested as deep as Python's stack
    InvalidExpression,  # what simpleeval refuses
)
"""All that an evaluation can raise."""

_HANDLERS: Mapping[type[ast.AST], str] = {
    ast.Attribute: "_eval_attribute",
    ast.BinOp: "_eval_binop",
    ast.BoolOp: "_eval_boolop",
    ast.Call: "_eval_call",
    ast.Compare: "_eval_compare",
    ast.Constant: "_eval_constant",
    ast.Dict: "_eval_dict",
    ast.IfExp: "_eval_ifexp",
    ast.List: "_eval_list",
    ast.Name: "_eval_name",
    ast.Slice: "_eval_slice",
    ast.Subscript: "_eval_subscript",
    ast.UnaryOp: "_eval_unaryop",
}
EVALUATED = frozenset(_HANDLERS)
_CONSTANTS: Mapping[str, Json] = {"true": True, "false": False, "null": None}


def value_of(tree: ast.expr, names: Mapping[str, Json]) -> Json:
    """Answer a value that can be kept: JSON, not too long and not too deep; or raise one of FAILURES."""
    result: Json = _Evaluation(names).eval("", tree)
    if len(canonical_json(result)) > MAX_RESULT_BYTES:
        raise ValueError(f"the value has more than {MAX_RESULT_BYTES} bytes")
    if is_deeper(result, MAX_RESULT_DEPTH):
        raise ValueError(f"the value has more than {MAX_RESULT_DEPTH} levels")
    return result


class _Evaluation(SimpleEval):  # type: ignore[misc]  # simpleeval has no types
    """One walk by simpleeval, over a closed table of nodes.

    SimpleEval's own `__init__` is left out: it fills tables that are replaced here, and switches warnings off
    and on for the whole process. So is its search of every value for modules: there are none to be found.
    """

    def __init__(self, names: Mapping[str, Json]) -> None:
        self.names = names
        self.operators = self.functions = self._meter = Meter()

    def _eval(self, node: ast.AST) -> Any:
        return getattr(self, _HANDLERS[type(node)])(node)

    def _eval_name(self, node: ast.Name) -> Json:
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        if node.id not in self.names:
            raise LookupError(f"there is no '{node.id}'")
        return self.names[node.id]

    def _eval_attribute(self, node: ast.Attribute) -> Json:
        return field(self._eval(node.value), node.attr)

    def _eval_subscript(self, node: ast.Subscript) -> Json:
        found = item(self._eval(node.value), self._eval(node.slice))
        if isinstance(node.slice, ast.Slice):
            self._meter.charge(found)
        return found

    def _eval_list(self, node: ast.List) -> Json:
        elements = [self._eval(element) for element in node.elts]
        self._meter.charge(*elements)
        return elements

    def _eval_dict(self, node: ast.Dict) -> Json:
        keys = cast("list[ast.expr]", node.keys)  # None would be `**`, which is not in the language
        fields = {self._eval(key): self._eval(value) for key, value in zip(keys, node.values, strict=True)}
        if not all(isinstance(key, str) for key in fields):
            raise TypeError("a key of an object is not a text")
        self._meter.charge(*fields, *fields.values())
        return fields

    def _eval_call(self, node: ast.Call) -> Json:
        if isinstance(node.func, ast.Name) and node.func.id == "exists":
            return self._exists(node.args[0])
        return super()._eval_call(node)  # type: ignore[no-any-return]

    def _exists(self, path: ast.expr) -> bool:
        try:
            self._eval(path)
        except LookupError:
            return False
        return True
