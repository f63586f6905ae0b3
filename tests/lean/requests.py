"""Random requests to one table, right ones and wrong ones, from a seeded source."""

import re
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

Request = dict[str, Any]

TABLE: Request = {
    "TableName": "rows",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "at", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
        {"AttributeName": "shard", "AttributeType": "S"},
        {"AttributeName": "due", "AttributeType": "N"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "due",
            "KeySchema": [
                {"AttributeName": "shard", "KeyType": "HASH"},
                {"AttributeName": "due", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["text"]},
        },
    ],
}

_NAMES = {"#t": "text", "#c": "count", "#d": "due", "#s": "tags", "#p": "pk", "#l": "line"}
_VALUES: Mapping[str, Any] = {
    ":t": {"S": "tea"},
    ":e": {"S": "te"},
    ":one": {"N": "1"},
    ":two": {"N": "2.0"},
    ":five": {"N": "5"},
    ":tags": {"SS": ["a", "b"]},
    ":b": {"S": "b"},
    ":bytes": {"B": b"\x00\x01"},
    ":none": {"L": []},
    ":new": {"L": [{"S": "tea"}, {"S": "b"}]},
}
_CONDITIONS = (
    "attribute_not_exists(#p)",
    "attribute_exists(#p)",
    "#t = :t",
    "#t <> :t",
    "#c < :five",
    "#c >= :two OR #t = :t",
    "NOT #t = :t AND attribute_exists(#c)",
    "begins_with(#t, :e)",
    "#c IN (:one, :two)",
    "#c BETWEEN :one AND :five",
    "(#c = :one OR attribute_not_exists(#c)) AND NOT attribute_exists(#d)",
    "contains(#s, :b)",
    "#c = :two",
    "#t = :bytes",
    "#l[0] = :t",
    "#l[1] = :b AND attribute_exists(#l)",
    "attribute_not_exists(#l) OR size(#l) <= :five",
    "contains(#l, :b)",
)
_UPDATES = (
    "SET #c = :one",
    "SET #t = :t, #c = :five",
    "SET #c = if_not_exists(#c, :five) + :one",
    "SET #c = if_not_exists(#c, :five) - :two",
    "ADD #c :two",
    "ADD #s :tags",
    "DELETE #s :tags",
    "REMOVE #t",
    "REMOVE #t, #d SET #c = :two",
    "SET #t = if_not_exists(#t, :t)",
    "SET #d = :five",
    "SET #l = list_append(if_not_exists(#l, :none), :new)",
    "REMOVE #l[1]",
    "REMOVE #l[7], #t",
)


def requests(seed: int, number: int) -> Iterator[tuple[str, Request]]:
    """Answer so many requests, each with its operation's name."""
    random = Random(seed)
    for _ in range(number):
        make = random.choice(_MAKERS)
        yield make(random)


def _key(random: Random) -> Request:
    return {"pk": {"S": random.choice("ab")}, "at": {"N": str(random.randrange(4))}}


def _item(random: Random) -> Request:
    """Answer an item with some attributes; an index sees it only if it has both of its keys."""
    choices: Mapping[str, Any] = {
        "text": {"S": random.choice(["tea", "coffee", ""])},
        "count": {"N": str(random.randrange(9))},
        "shard": {"S": random.choice(["s1", "s2"])},
        "due": {"N": str(random.choice([1, 2, 10, -3]))},
        "tags": {"SS": random.sample(["a", "b", "c"], 2)},
        "bytes": {"B": bytes([random.randrange(256)])},
        "line": {"L": [{"S": name} for name in random.sample(["tea", "b", "c"], 2)]},
        "flag": {"BOOL": random.random() < 0.5},
    }
    return {**_key(random), **{name: value for name, value in choices.items() if random.random() < 0.6}}


def _declared(*expressions: str | None) -> Request:
    """Declare exactly the names and values that expressions use."""
    words = re.findall(r"[#:]\w+", " ".join(text for text in expressions if text))
    names = {word: _NAMES[word] for word in words if word in _NAMES}
    values = {word: _VALUES[word] for word in words if word in _VALUES}
    return {
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ExpressionAttributeValues": values} if values else {}),
    }


def _write(random: Random, verb: str) -> Request:
    """Answer a put, an update or a delete, as a call or as an action of a transaction."""
    condition = random.choice([*_CONDITIONS, None, None, None])
    update = random.choice(_UPDATES) if verb == "Update" else None
    more: Request = {"ConditionExpression": condition} if condition else {}
    if update:
        more["UpdateExpression"] = update
    place: Request = {"Item": _item(random)} if verb == "Put" else {"Key": _key(random)}
    return {"TableName": "rows", **place, **more, **_declared(condition, update)}


def _put(random: Random) -> tuple[str, Request]:
    return "PutItem", {**_write(random, "Put"), "ReturnValues": random.choice(["NONE", "ALL_OLD"])}


def _update(random: Random) -> tuple[str, Request]:
    wanted = random.choice(["NONE", "ALL_OLD", "ALL_NEW"])
    return "UpdateItem", {**_write(random, "Update"), "ReturnValues": wanted}


def _delete(random: Random) -> tuple[str, Request]:
    return "DeleteItem", {**_write(random, "Delete"), "ReturnValues": random.choice(["NONE", "ALL_OLD"])}


def _transact(random: Random) -> tuple[str, Request]:
    actions = []
    for verb in random.choices(["Put", "Update", "Delete", "ConditionCheck"], k=random.randint(1, 4)):
        action = _write(random, verb)
        if verb == "ConditionCheck" and "ConditionExpression" not in action:
            action |= {"ConditionExpression": "attribute_exists(#p)", **_declared("attribute_exists(#p)")}
        actions.append({verb: action})
    return "TransactWriteItems", {"TransactItems": actions}


def _get(random: Random) -> tuple[str, Request]:
    return "GetItem", {"TableName": "rows", "Key": _key(random), "ConsistentRead": True}


def _batch_get(random: Random) -> tuple[str, Request]:
    keys = [_key(random) for _ in range(random.randint(1, 3))]
    return "BatchGetItem", {"RequestItems": {"rows": {"Keys": keys, "ConsistentRead": True}}}


def _query(random: Random) -> tuple[str, Request]:
    ranges = ["", " AND #r < :m", " AND #r BETWEEN :l AND :m", " AND #r >= :l"]
    index = random.random() < 0.5
    condition = "#h = :h" + random.choice(ranges)
    names = {"#h": "shard", "#r": "due"} if index else {"#h": "pk", "#r": "at"}
    values = {
        ":h": {"S": random.choice(["s1", "s2"] if index else "ab")},
        ":l": {"N": str(random.randrange(-3, 3))},
        ":m": {"N": str(random.randrange(3, 11))},
    }
    used = condition.split()
    request: Request = {
        "TableName": "rows",
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {name: names[name] for name in names if name in used},
        "ExpressionAttributeValues": {name: values[name] for name in values if name in used},
        "ScanIndexForward": random.random() < 0.5,
        **({"IndexName": "due"} if index else {"ConsistentRead": True}),
    }
    if random.random() < 0.5:
        request["Limit"] = random.randint(1, 3)
    return "Query", request


def _wrong(random: Random) -> tuple[str, Request]:
    """Answer what DynamoDB refuses whatever stands in the table."""
    key = _key(random)
    return random.choice(
        [
            ("GetItem", {"TableName": "rows", "Key": {"pk": {"S": "a"}}}),
            ("GetItem", {"TableName": "none", "Key": key}),
            ("PutItem", {"TableName": "rows", "Item": {"pk": {"S": "a"}}}),
            ("PutItem", {"TableName": "rows", "Item": {**key, "pk": {"S": ""}}}),
            ("PutItem", {"TableName": "rows", "Item": {**key, "pk": {"N": "1"}}}),
            ("PutItem", {"TableName": "rows", "Item": {**key, "text": {"S": "x" * 410_000}}}),
            (
                "UpdateItem",
                {
                    "TableName": "rows",
                    "Key": key,
                    "UpdateExpression": "SET #p = :t",
                    **_declared("#p = :t"),
                },
            ),
        ]
    )


_MAKERS: tuple[Callable[[Random], tuple[str, Request]], ...] = (
    _put,
    _put,
    _update,
    _update,
    _delete,
    _transact,
    _transact,
    _get,
    _batch_get,
    _query,
    _query,
    _query,
    _wrong,
)
