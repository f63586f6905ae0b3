"""What moto's DynamoDB does otherwise here: reads that cost what they answer, transactions that cost what they touch.

A client's token makes a repeated transaction once, as DynamoDB promises. Everything else is moto's own.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy, deepcopy
from functools import wraps
from heapq import nlargest, nsmallest
from inspect import signature
from itertools import chain
from typing import Any, NamedTuple

from moto.core.responses import EmptyResult
from moto.core.serialize import JSONSerializer
from moto.dynamodb.comparisons import get_comparison_func
from moto.dynamodb.exceptions import ERROR_TYPE_PREFIX, DynamodbException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import SecondaryIndex, Table
from moto.dynamodb.responses import DynamoHandler

TOKEN_LIFE_S = 600  # how long DynamoDB remembers a ClientRequestToken (API reference, TransactWriteItems)

Function = Callable[..., Any]
Patch = tuple[Any, str, Callable[[Any], Any]]
"""Whose function, its name, and what makes ours of it."""


def patches(now: Callable[[], float]) -> tuple[Patch, ...]:
    """Answer the patches; `now` is the clock that tokens age by."""
    return (
        (JSONSerializer, "get_value", taken_by_name),
        (Table, "query", narrowed),
        (SecondaryIndex, "project", projected_by_name),
        (DynamoDBBackend, "transact_write_items", on_copies),
        (DynamoHandler, "transact_write_items", once_per_token(now)),
    )


# -- reading


def taken_by_name(get_value: Function) -> Function:
    """Take an attribute's value by its type's name: moto tries each of ten types, under several spellings."""

    @wraps(get_value)
    def get(serializer: JSONSerializer, value: Any, key: str, shape: Any) -> Any:
        is_attribute = shape.parent.name == "AttributeValue"
        return value.get(key) if is_attribute else get_value(serializer, value, key, shape)

    return get


def projected_by_name(original: Function) -> Function:
    """Drop what an index does not hold: moto reads the whole row from JSON again for each attribute that it holds."""

    @wraps(original)
    def project(index: SecondaryIndex, item: Item) -> Item:
        if index.projection.get("ProjectionType") != "ALL":
            held = {*index.table_key_attrs, *index.schema_key_attrs, *index.projection.get("NonKeyAttributes", ())}
            for name in item.attrs.keys() - held:
                del item.attrs[name]  # the row is the caller's own copy
        return item

    return project


def narrowed(query: Function) -> Function:
    """Show a query only the rows of its page: moto sorts the table, and weighs each row that it passes.

    A page of an index over 10,000 rows then costs 30 ms, not 400. A full page names its last row, as DynamoDB's
    does; moto says nothing when no row follows, and hides the empty last page that a reader must expect.
    """
    parameters = signature(query)

    @wraps(query)
    def narrow(table: Table, *args: Any, **kwargs: Any) -> Any:
        asked = parameters.bind(table, *args, **kwargs).arguments
        names = _key_names(table, asked.get("index_name"))
        rows = _page(table, asked, names)
        items, scanned, last = query(_with(table, all_items=lambda: rows), *args, **kwargs)
        if last is None and rows and len(rows) == asked["limit"]:
            last = {name: rows[-1].attrs[name] for name in names}
        return items, scanned, last

    return narrow


def _with(table: Table, **changes: Any) -> Table:
    """Answer a table that is like this one but for some attributes or methods."""
    changed = copy(table)
    vars(changed).update(changes)
    return changed


def _key_names(table: Table, index_name: str | None) -> list[str]:
    of_index = table.get_index(index_name, error_if_not=True).schema_key_attrs if index_name else []
    return [*of_index, *table.table_key_attrs]


def _page(table: Table, asked: Mapping[str, Any], names: Sequence[str]) -> list[Item]:
    """Answer the rows after the start key, in order, as many as were asked for."""

    def position(attributes: Mapping[str, DynamoType]) -> tuple[Any, ...]:
        return tuple(_plain(attributes[name]) for name in names)

    rows = _matching(table, asked, frozenset(names))
    is_forward = asked["scan_index_forward"] is not False
    if start := asked["exclusive_start_key"]:
        passed = position({name: DynamoType(value) for name, value in start.items()})
        is_next = passed.__lt__ if is_forward else passed.__gt__
        rows = [row for row in rows if is_next(position(row.attrs))]
    is_cut = asked["limit"] and not asked.get("filter_kwargs")  # what these drop does not count for the page
    take = nsmallest if is_forward else nlargest
    return take(asked["limit"] if is_cut else len(rows), rows, key=lambda row: position(row.attrs))


def _matching(table: Table, asked: Mapping[str, Any], names: frozenset[str]) -> list[Item]:
    """Answer the rows that have these keys and meet the key conditions."""
    rows = _all_rows(table) if asked.get("index_name") else _partition(table, asked["hash_key"])
    equalities = [(name, "=", [value]) for name, value in asked["hash_key_conditions"]]
    for name, comparison, values in [*equalities, *asked["range_key_conditions"]]:
        test, wanted = get_comparison_func(comparison), [_plain(value) for value in values]
        rows = [row for row in rows if (held := row.attrs.get(name)) and test(_plain(held), *wanted)]
    return [row for row in rows if names <= row.attrs.keys()]


def _partition(table: Table, hash_key: DynamoType) -> Iterable[Item]:
    held: Any = table.items.get(hash_key)
    if held is None:
        return ()
    return held.values() if table.has_range_key else (held,)


def _all_rows(table: Table) -> Iterable[Item]:
    partitions: Any = table.items.values()
    return chain.from_iterable(rows.values() for rows in partitions) if table.has_range_key else partitions


def _plain(value: DynamoType) -> Any:
    """Answer a key's value as Python compares it, at a fraction of what `cast_value` costs."""
    return value.cast_value if value.type == "N" else value.value


# -- transactions


def on_copies(transact_write_items: Function) -> Function:
    """Make a transaction on copies of the rows it touches: moto copies the whole table, once for each action."""

    @wraps(transact_write_items)
    def transact(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        copies = copy(backend)
        copies.tables = {}
        touched = [_place(backend, next(iter(action.values()))) for action in transact_items]
        for table, key in touched:
            # moto copies each table, to put it back: these are copies, and thrown away
            part = _with(table, items=defaultdict(dict), __deepcopy__=lambda _memo: None)
            _put(copies.tables.setdefault(table.name, part), key, deepcopy(table.get_item(*key)))
        transact_write_items(copies, transact_items)
        for table, key in touched:
            _put(table, key, copies.tables[table.name].get_item(*key))

    return transact


_Key = tuple[DynamoType, DynamoType | None]


def _place(backend: DynamoDBBackend, action: Mapping[str, Any]) -> tuple[Table, _Key]:
    table = backend.get_table(action["TableName"])
    return table, backend.get_keys_value(table, action.get("Key") or action["Item"])


def _put(table: Table, key: _Key, row: Item | None) -> None:
    """Let the table hold this row under a key, or none."""
    hash_key, range_key = key
    rows: dict[Any, Any] = table.items[hash_key] if range_key else table.items
    if row is None:
        rows.pop(range_key or hash_key, None)
    else:
        rows[range_key or hash_key] = row


class _Made(NamedTuple):
    """A transaction that was made: when, and a digest of what it asked for."""

    at: float
    request: str


class _TokenMismatch(DynamodbException):
    def __init__(self) -> None:
        error = "IdempotentParameterMismatchException"
        super().__init__(f"{ERROR_TYPE_PREFIX}{error}", "The token was used for a request with other parameters.")


def once_per_token(now: Callable[[], float]) -> Callable[[Function], Function]:
    """Honour ClientRequestToken, which moto ignores: it makes a repeated transaction twice, or refuses it."""

    def patch(transact_write_items: Function) -> Function:
        @wraps(transact_write_items)
        def transact(handler: DynamoHandler) -> Any:
            token, wanted = handler.body["ClientRequestToken"], handler.body["TransactItems"]
            request = hashlib.sha256(json.dumps(wanted, sort_keys=True, default=repr).encode()).hexdigest()
            tokens = _tokens(handler.dynamodb_backend, since=now() - TOKEN_LIFE_S)
            made = tokens.get(token)
            if made is None:
                answer = transact_write_items(handler)
                tokens[token] = _Made(now(), request)
                return answer
            if made.request != request:
                raise _TokenMismatch
            return EmptyResult()

        return transact

    return patch


def _tokens(backend: DynamoDBBackend, since: float) -> dict[str, _Made]:
    """Answer the tokens that are remembered. They live on the backend, so that a reset forgets them."""
    tokens: dict[str, _Made] = vars(backend).setdefault("tokens", {})
    for token in [token for token, made in tokens.items() if made.at <= since]:
        del tokens[token]
    return tokens
