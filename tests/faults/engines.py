"""What stands for AWS under a schedule: moto for truth, the lean engine for volume; a schedule sees no difference."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import boto3
from moto.sqs.models import sqs_backends

from local import aws
from local.template import Resources, create, read_template
from tests.lean.aws import LeanAws, Snapshot, answering
from tests.world import Clock

STAGE = "test"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it left its sender: nobody sees it before `visible_at` (ms)."""

    body: str
    visible_at: int


class Engine(Protocol):
    """Tables and queues. `changes` grows whenever anything is written or sent."""

    resources: Resources

    @contextmanager
    def running(self) -> Iterator[None]:
        """Answer the AWS calls of this process."""

    def empty(self) -> None:
        """Begin anew: tables and queues, and nothing in them."""

    def keep(self) -> Any:
        """Answer what stands, to go back to; None if that cannot be done cheaply."""

    def go_back(self, kept: Any) -> None: ...

    def rows(self, table: str) -> list[Row]:
        """Answer all rows of a table, by its short name."""

    def take(self, queue: str) -> list[Sent]:
        """Take every message that is in a queue, by its logical id."""

    @property
    def changes(self) -> int | None:
        """Count what was written or sent; None if nobody counts."""

    def written_twice(self, table: str) -> list[str]:
        """Name the keys of a table that were written more than once since `go_back`."""


class Lean:
    """The lean engine: cheap to set back, and it counts."""

    def __init__(self, clock: Clock) -> None:
        self._aws = LeanAws.at(lambda: clock.ms / 1000)
        self.resources: Resources

    @contextmanager
    def running(self) -> Iterator[None]:
        aws.impersonate(os.environ)  # noqa: TID251 - botocore must find nobody's own settings
        with answering(lambda: self._aws):
            self.resources = create(read_template(), STAGE)
            self._blank = self._aws.snapshot()
            yield

    def empty(self) -> None:
        self._aws.restore(self._blank)

    def keep(self) -> Snapshot | None:
        return self._aws.snapshot()

    def go_back(self, kept: Snapshot) -> None:
        self._aws.restore(kept)

    def rows(self, table: str) -> list[Row]:
        return self._aws.rows(_name(table))

    def take(self, queue: str) -> list[Sent]:
        taken = self._aws.queues.take(self.resources.refs[queue])
        return [Sent(message.body, round(message.visible_at * 1000)) for message in taken]

    @property
    def changes(self) -> int | None:
        return self._aws.changes

    def written_twice(self, table: str) -> list[str]:
        name = _name(table)
        return [f"{key}" for (written, key), times in self._aws.tables.writes.items() if written == name and times > 1]


class Moto:
    """Moto, as everywhere else in these tests: slow, and it validates as DynamoDB does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.resources: Resources

    @contextmanager
    def running(self) -> Iterator[None]:
        aws.start(lambda: self._clock.ms / 1000)
        self.empty()
        self._dynamodb = boto3.client("dynamodb", region_name=aws.REGION)
        yield

    def empty(self) -> None:
        aws.reset()
        self.resources = create(read_template(), STAGE)

    def keep(self) -> None:
        return None

    def go_back(self, kept: Any) -> None:
        raise NotImplementedError

    def rows(self, table: str) -> list[Row]:
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=_name(table))
        return [item for page in pages for item in page["Items"]]

    def take(self, queue: str) -> list[Sent]:
        name = self.resources.refs[queue].rsplit("/", 1)[-1]
        held = sqs_backends[aws.ACCOUNT][aws.REGION].queues[name]._messages  # noqa: SLF001 - SQS shows no delayed one
        taken = [Sent(one.body, round(max(cast("float", one.sent_timestamp), one.delayed_until))) for one in held]
        held.clear()
        return taken

    @property
    def changes(self) -> int | None:
        return None

    def written_twice(self, _table: str) -> list[str]:
        return []


def _name(table: str) -> str:
    return f"reprise-{table}-{STAGE}"
