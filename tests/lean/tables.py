"""DynamoDB as far as this project asks for it: rows by key, indexes, conditions, transactions, and its limits.

An item is never changed in place, so what stood before is kept by copying dictionaries.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.lean.expressions import (
    Given,
    Item,
    Value,
    hash_place,
    is_equal,
    places,
    plain,
    read_condition,
    read_names,
    read_update,
)
from tests.lean.faults import Fault
from tests.lean.items import check_value, size_of, updated
from tests.lean.schemas import Index, Key, Request, Row, Table, exact_key, index_of, key_names, read_index

MAX_ITEM = 400 * 1024  # bytes
MAX_PAGE = 1024 * 1024  # bytes that one query reads
MAX_ACTIONS = 100  # of one transaction
MAX_TRANSACTION = 4 * 1024 * 1024  # bytes
MAX_KEYS = 100  # of one batch
TOKEN_LIFE_S = 600


class Write(NamedTuple):
    """One write whose condition holds: what stood there, and what will."""

    table: str
    key: Key
    old: Item | None
    new: Item | None
    size: int = 0


class Made(NamedTuple):
    """A transaction that was made under a client's token."""

    at: float
    items: list[Any]


@dataclass(slots=True)
class Tables:
    now: Callable[[], float]
    tables: dict[str, Table] = field(default_factory=dict)
    tokens: dict[str, Made] = field(default_factory=dict)
    writes: Counter[tuple[str, Key]] = field(default_factory=Counter)
    """How often each row was written since `go_back`; taking it away does not count."""

    # -- tables

    def create_table(self, request: Request) -> Request:
        name = request["TableName"]
        types = {it["AttributeName"]: it["AttributeType"] for it in request["AttributeDefinitions"]}
        indexes = {it["IndexName"]: read_index(it) for it in request.get("GlobalSecondaryIndexes", ())}
        self.tables[name] = Table(key_names(request["KeySchema"]), types, indexes)
        return {"TableDescription": {"TableName": name, "TableArn": f"arn:aws:dynamodb:::table/{name}"}}

    def keep(self) -> dict[str, dict[Key, Row]]:
        return {name: dict(table.rows) for name, table in self.tables.items()}

    def go_back(self, kept: Mapping[str, Mapping[Key, Row]]) -> None:
        for name, rows in kept.items():
            self.tables[name].rows = dict(rows)
        self.tokens.clear()
        self.writes.clear()

    def _table(self, request: Request) -> Table:
        try:
            return self.tables[request["TableName"]]
        except KeyError as error:
            raise Fault("ResourceNotFoundException", f"no table {error}") from error

    # -- reading

    def get_item(self, request: Request) -> Request:
        given = _given(request, "ProjectionExpression")
        table = self._table(request)
        row = table.rows.get(exact_key(table, request["Key"]))
        return {} if row is None else {"Item": _projected(row.item, request, given)}

    def batch_get_item(self, request: Request) -> Request:
        asked = request["RequestItems"]
        if not 0 < sum(len(of["Keys"]) for of in asked.values()) <= MAX_KEYS:
            raise Fault.invalid(f"a batch has 1 to {MAX_KEYS} keys")
        found = {}
        for name, of in asked.items():
            table, given = self._table({"TableName": name}), _given(of, "ProjectionExpression")
            keys = [exact_key(table, key) for key in of["Keys"]]
            if len(set(keys)) < len(keys):
                raise Fault.invalid("a batch asks for one key twice")
            rows = [table.rows[key] for key in keys if key in table.rows]
            found[name] = [_projected(row.item, of, given) for row in rows]
        return {"Responses": found, "UnprocessedKeys": {}}

    def query(self, request: Request) -> Request:
        expressions = ("KeyConditionExpression", "FilterExpression", "ProjectionExpression")
        given, table = _given(request, *expressions), self._table(request)
        index = index_of(table, request)
        keys = index.keys if index else table.keys
        rows = _matching(table, keys, request["KeyConditionExpression"], given)
        return self._page(request, table, index, rows, given)

    def scan(self, request: Request) -> Request:
        given, table = _given(request, "FilterExpression", "ProjectionExpression"), self._table(request)
        index = index_of(table, request)
        rows = [row for row in table.rows.values() if index is None or all(name in row.item for name in index.keys)]
        return self._page(request, table, index, rows, given)

    def _page(self, request: Request, table: Table, index: Index | None, rows: Sequence[Row], given: Given) -> Request:
        """Answer one page, in order: as many rows as are asked for, and as 1 MB holds."""
        names = (*(index.keys[1:] if index else ()), *table.keys)
        is_backward = request.get("ScanIndexForward") is False
        ordered = sorted(rows, key=lambda row: _position(row.item, names), reverse=is_backward)
        if start := request.get("ExclusiveStartKey"):
            passed = _position(start, names)
            ordered = [row for row in ordered if (_position(row.item, names) < passed) is is_backward]
            ordered = [row for row in ordered if _position(row.item, names) != passed]
        page, is_cut = _cut(ordered, request.get("Limit"))
        accept = read_condition(request["FilterExpression"]) if "FilterExpression" in request else None
        kept = [row.item for row in page if accept is None or accept(row.item, given)]
        answer: Request = {"Count": len(kept), "ScannedCount": len(page)}
        if request.get("Select") != "COUNT":
            shown = [_held(item, index, table) for item in kept]
            answer["Items"] = [_projected(item, request, given) for item in shown]
        if is_cut:
            last = page[-1].item
            answer["LastEvaluatedKey"] = {name: last[name] for name in (*(index.keys if index else ()), *table.keys)}
        return answer

    # -- writing

    def put_item(self, request: Request) -> Request:
        return self._write(request, self._put(request))

    def update_item(self, request: Request) -> Request:
        return self._write(request, self._update(request))

    def delete_item(self, request: Request) -> Request:
        return self._write(request, self._delete(request))

    def transact_write_items(self, request: Request) -> Request:
        actions, token = request["TransactItems"], request.get("ClientRequestToken")
        if self._is_repeat(token, actions):
            return {}
        if not 0 < len(actions) <= MAX_ACTIONS:
            raise Fault.invalid(f"a transaction has 1 to {MAX_ACTIONS} actions")
        writes, reasons = self._decided(actions)
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            raise Fault("TransactionCanceledException", message, CancellationReasons=reasons)
        if sum(write.size for write in writes) > MAX_TRANSACTION:
            raise Fault.invalid("a transaction holds 4 MB at most")
        for write in writes:
            self._apply(write)
        if token:
            self.tokens[token] = Made(self.now(), actions)
        return {}

    def _is_repeat(self, token: str | None, actions: list[Any]) -> bool:
        made = self.tokens.get(token or "")
        if made is None or self.now() - made.at >= TOKEN_LIFE_S:
            return False
        if made.items != actions:
            raise Fault("IdempotentParameterMismatchException", "The token was used for another request.")
        return True

    def _decided(self, actions: Sequence[Request]) -> tuple[list[Write], list[Request]]:
        """Try every action; answer the writes, and for each action why not."""
        writes: list[Write] = []
        reasons: list[Request] = []
        touched: set[tuple[str, Key]] = set()
        for action in actions:
            ((verb, request),) = action.items()
            place = self._place(request)
            if place in touched:
                raise Fault.invalid("a transaction has two actions on one item")
            touched.add(place)
            try:
                write = _DECIDE[verb](self, request)
            except Fault as fault:
                if fault.code != _REFUSED:
                    raise
                reasons.append({"Code": "ConditionalCheckFailed", "Message": fault.message, **fault.more})
                continue
            reasons.append({"Code": "None"})
            if verb != "ConditionCheck":
                writes.append(write)
        return writes, reasons

    def _place(self, request: Request) -> tuple[str, Key]:
        return request["TableName"], self._table(request).key_of(request.get("Item") or request["Key"])

    def _put(self, request: Request) -> Write:
        given, table = _given(request, "ConditionExpression"), self._table(request)
        item = request["Item"]
        key = table.key_of(item)
        old = self._checked(request, table.rows.get(key), given)
        return _write(table, request, key, old, item)

    def _update(self, request: Request) -> Write:
        given, table = _given(request, "ConditionExpression", "UpdateExpression"), self._table(request)
        key = exact_key(table, request["Key"])
        old = self._checked(request, table.rows.get(key), given)
        assignments = read_update(request["UpdateExpression"]) if "UpdateExpression" in request else ()
        new = updated(old or request["Key"], assignments, given, table.keys)
        return _write(table, request, key, old, new)

    def _delete(self, request: Request) -> Write:
        given, table = _given(request, "ConditionExpression"), self._table(request)
        key = exact_key(table, request["Key"])
        return Write(request["TableName"], key, self._checked(request, table.rows.get(key), given), None)

    def _check(self, request: Request) -> Write:
        return self._delete(request)

    def _checked(self, request: Request, row: Row | None, given: Given) -> Item | None:
        """Answer what stands, if the condition holds."""
        old = row.item if row else None
        condition = request.get("ConditionExpression")
        if condition is None or read_condition(condition)(old or {}, given):
            return old
        is_shown = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old
        raise Fault(_REFUSED, "The conditional request failed", **({"Item": dict(old or {})} if is_shown else {}))

    def _write(self, request: Request, write: Write) -> Request:
        self._apply(write)
        shown = _returned(request.get("ReturnValues", "NONE"), write)
        return {"Attributes": shown} if shown else {}

    def _apply(self, write: Write) -> None:
        rows = self.tables[write.table].rows
        if write.new is None:
            rows.pop(write.key, None)
            return
        self.writes[write.table, write.key] += 1
        rows[write.key] = Row(write.new, write.size)


_REFUSED = "ConditionalCheckFailedException"
_DECIDE: Mapping[str, Callable[[Tables, Request], Write]] = {
    "Put": Tables._put,  # noqa: SLF001 - its own table of actions
    "Update": Tables._update,  # noqa: SLF001 - as above
    "Delete": Tables._delete,  # noqa: SLF001 - as above
    "ConditionCheck": Tables._check,  # noqa: SLF001 - as above
}


# -- requests


def _given(request: Request, *expressions: str) -> Given:
    """Read what a request declares; DynamoDB refuses a placeholder that is unknown, or that nothing uses."""
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    declared = {*(names or ()), *(values or ())}
    if names == {} or values == {} or declared != places(*(request.get(name) for name in expressions)):
        raise Fault.invalid("names and values are declared that no expression uses, or the other way round")
    for value in (values or {}).values():
        check_value(value)
    return Given(names or {}, values or {})


def _projected(item: Item, request: Request, given: Given) -> dict[str, Value]:
    if "ProjectionExpression" not in request:
        return dict(item)
    wanted = [given.names.get(name, name) for name in read_names(request["ProjectionExpression"])]
    return {name: item[name] for name in wanted if name in item}


def _held(item: Item, index: Index | None, table: Table) -> Item:
    if index is None or index.held is None:
        return item
    shown = {*index.held, *index.keys, *table.keys}
    return {name: value for name, value in item.items() if name in shown}


def _matching(table: Table, keys: tuple[str, ...], expression: str, given: Given) -> list[Row]:
    name, place = hash_place(expression)
    if given.names.get(name, name) != keys[0]:
        raise Fault.invalid("Query condition missed key schema element")
    wanted, accept = given.values[place], read_condition(expression)
    hash_key = keys[0]
    return [
        row
        for row in table.rows.values()
        if row.item.get(hash_key) == wanted and all(key in row.item for key in keys) and accept(row.item, given)
    ]


def _position(item: Item, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(plain(item[name]) for name in names)


def _cut(rows: list[Row], limit: int | None) -> tuple[list[Row], bool]:
    """Cut a page off; a full one names its last row, even if none follows."""
    if limit is not None and limit < 1:
        raise Fault.invalid("Limit is at least 1")
    size, most = 0, len(rows) if limit is None else limit
    for at, row in enumerate(rows[:most]):
        size += row.size
        if size > MAX_PAGE and at + 1 < len(rows):
            return rows[: at + 1], True
    return rows[:most], limit is not None and len(rows) >= most


# -- items


def _write(table: Table, request: Request, key: Key, old: Item | None, new: Item) -> Write:
    for value in new.values():
        check_value(value)
    table.check_index_keys(new)
    size = sum(len(name) + size_of(value) for name, value in new.items())
    if size > MAX_ITEM:
        raise Fault.invalid("Item size has exceeded the maximum allowed size")
    return Write(request["TableName"], key, old, new, size)


def _returned(wanted: str, write: Write) -> dict[str, Value]:
    old, new = write.old or {}, write.new or {}
    match wanted:
        case "ALL_OLD":
            return dict(old)
        case "ALL_NEW":
            return dict(new)
        case "UPDATED_OLD":
            return {name: value for name, value in old.items() if not is_equal(value, new.get(name))}
        case "UPDATED_NEW":
            return {name: value for name, value in new.items() if not is_equal(value, old.get(name))}
        case _:
            return {}
