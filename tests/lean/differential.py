"""Is the lean engine right? The same random requests to it and to moto, and every answer compared.

    python -m tests.lean.differential 10000

What moto does otherwise than DynamoDB is not asked here: numbers of more than 38 digits, transactions above 4 MB,
`size()` of an attribute that is missing.
"""

import sys
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local import aws
from tests.lean.aws import LeanAws
from tests.lean.faults import Fault
from tests.lean.requests import TABLE, Request, requests
from tests.world import BEGINNING

_TOLD_OTHERWISE = {"ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics", "UnprocessedKeys"}


def differences(seed: int, number: int) -> Iterator[str]:
    """Tell every request that is answered otherwise, and at last whether the rows differ."""
    aws.start(lambda: BEGINNING / 1000)
    aws.reset()
    moto, lean = boto3.client("dynamodb", region_name=aws.REGION), LeanAws.at(lambda: BEGINNING / 1000)
    moto.create_table(**TABLE)
    lean.call("dynamodb", "CreateTable", TABLE)
    for operation, request in requests(seed, number):
        theirs, ours = _asked_moto(moto, operation, request), _asked_lean(lean, operation, request)
        if theirs != ours:
            yield f"{operation} {request}\n  moto: {theirs}\n  lean: {ours}"
    if _rows(moto.scan(TableName="rows")["Items"]) != _rows(lean.rows("rows")):
        yield "the rows differ"


def _asked_moto(client: Any, operation: str, request: Request) -> Any:
    try:
        return _comparable(client._make_api_call(operation, request))  # noqa: SLF001 - one way for all operations
    except ClientError as error:
        return _refused(error.response["Error"]["Code"], error.response.get("CancellationReasons", ()))


def _asked_lean(engine: LeanAws, operation: str, request: Request) -> Any:
    try:
        return _comparable(engine.call("dynamodb", operation, request))
    except Fault as fault:
        return _refused(fault.code, fault.more.get("CancellationReasons", ()))


def _refused(code: str, reasons: Any) -> Any:
    return code, [reason["Code"] for reason in reasons]


def _comparable(answer: Any) -> Any:
    """Take out what is nobody's promise: metadata, and the order of sets and of a batch's answers."""
    match answer:
        case {"Responses": {"rows": list(found)}}:
            return _rows(found)
        case dict():
            told = {name: value for name, value in answer.items() if name not in _TOLD_OTHERWISE}
            return {name: _comparable(value) for name, value in told.items()}
        case list():
            return sorted(answer) if all(isinstance(one, str) for one in answer) else [_comparable(it) for it in answer]
        case _:
            return answer


def _rows(items: list[Any]) -> list[Any]:
    return sorted(map(_comparable, items), key=repr)


if __name__ == "__main__":
    found = 0
    for told in differences(seed=1, number=int(sys.argv[1])):
        found += 1
        print(told)
    print(f"{sys.argv[1]} requests, {found} differences")
    sys.exit(bool(found))
