"""What a restart as a batch accepts and its job then fails with: the second column of the engine's table of errors."""

from typing import Any

import pytest

from tests.dialects.camunda.stories import (
    BEFORE_DECIDE,
    BLOCK,
    NOBODY,
    REST,
    canceled,
    publish,
    restart,
    start,
    told,
    work,
    written,
)
from tests.dialects.client import Api
from tests.graphs import Ask, Fork, Sub, steps
from tests.world import World

PERFORM = "Cannot perform instruction:"


def before(activity: str) -> dict[str, str]:
    return {"type": "startBeforeActivity", "activityId": activity}


def after(activity: str) -> dict[str, str]:
    return {"type": "startAfterActivity", "activityId": activity}


def along(transition: str) -> dict[str, str]:
    return {"type": "startTransition", "transitionId": transition}


def named(api: Api, kind: str) -> str:
    """Name the first activity of a kind."""
    graph = api.get("/ops/v1/definitions/order").json["document"]["activities"]
    name: str = next(node["id"] for node in graph if node["type"] == kind)
    return name


def failure(world: World, api: Api, definition: str, sources: list[str], instructions: Any = BEFORE_DECIDE) -> str:
    """Restart sources as a batch, and answer what its only job that fails says, everywhere where it is said."""
    body = {"instructions": instructions, "processInstanceIds": sources}
    reply = restart(api, definition, body, is_async=True)
    assert reply.status == 200
    work(world)
    batch = reply.json
    [job] = api.get(f"{REST}/job?jobDefinitionId={batch['batchJobDefinitionId']}").json
    [incident] = api.get(f"{REST}/incident?jobDefinitionIdIn={batch['batchJobDefinitionId']}").json
    rows = api.get(f"{REST}/history/job-log?failureLog=true&jobId={job['id']}").json
    said = {job["exceptionMessage"], incident["incidentMessage"], *(row["jobExceptionMessage"] for row in rows)}
    assert (job["retries"], len(rows), len(said)) == (0, 3, 1)
    return str(said.pop())


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        ([before("x")], "Element 'x' does not exist in process {def}: targetElement is null"),
        ([along("x")], "Element 'x' does not exist in process {def}: targetElement is null"),
        (
            [before("decide"), before("x")],
            f"{PERFORM} Start before activity 'x'; Element 'x' does not exist in process '{{def}}': element is null",
        ),
        (
            [before("decide"), along("x")],
            f"{PERFORM} Start transition 'x'; Element 'x' does not exist in process '{{def}}': element is null",
        ),
        ([after("x")], f"{PERFORM} Start after activity 'x'; Activity 'x' does not exist: activity is null"),
        (
            [before("decide"), after("x")],
            f"{PERFORM} Start after activity 'x'; Activity 'x' does not exist: activity is null",
        ),
    ],
)
def test_of_an_element_that_is_not_there(world: World, api: Api, instructions: Any, message: str) -> None:
    definition = publish(api)

    said = failure(world, api, definition, canceled(world, api), instructions)

    assert said == message.replace("{def}", definition)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("end_event", "activity has no outgoing sequence flow to take"),
        ("parallel_gateway", "activity has more than one outgoing sequence flow"),
    ],
)
def test_of_an_activity_without_one_way_out(world: World, api: Api, kind: str, why: str) -> None:
    definition = publish(api, steps(Ask("decide"), Fork((Ask("a"), Ask("b")))))
    name = named(api, kind)

    said = failure(world, api, definition, canceled(world, api), [after(name)])

    assert said == f"Cannot start after activity {name}; {why}"


def test_of_a_scope_that_is_open_twice(world: World, api: Api) -> None:
    definition = publish(api, steps(Sub(steps(Ask("b"), Ask("c"))), Ask("d")))
    scope = named(api, "sub_process")

    said = failure(world, api, definition, canceled(world, api), [before(scope), before(scope), before("b")])

    assert said == f"Ancestor activity execution is ambiguous for activity Activity({scope})"


def test_of_a_source_that_is_not_there(world: World, api: Api) -> None:
    said = failure(world, api, publish(api), [NOBODY])

    assert said == "Historic process instance cannot be found: historicProcessInstanceId is null"


def test_of_a_source_that_goes_on(world: World, api: Api) -> None:
    definition = publish(api)
    running = start(api)
    work(world)

    said = failure(world, api, definition, [running])

    cannot = f"ENGINE-13040 Historic process instance '{running}' cannot be restarted."
    assert said == f"{cannot} It is not completed or terminated."


def test_of_a_source_of_another_version(world: World, api: Api) -> None:
    first = publish(api)
    [source] = canceled(world, api)
    second = publish(api, steps(BLOCK, Ask("more")))

    said = failure(world, api, second, [source])

    cannot = f"ENGINE-13039 Historic process instance '{source}' cannot be restarted."
    assert said == f"{cannot} Its process definition '{first}' does not match given process definition '{second}'"


@pytest.mark.parametrize("is_async", [True, False])
def test_a_query_that_finds_more_than_a_batch_holds_is_refused(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    definition = publish(api)
    canceled(world, api, 2)
    monkeypatch.setattr("chalicelib.dialects.camunda.selections.MAX_SOURCES", 1)
    before_ = written(world)

    reply = restart(
        api, definition, {"instructions": BEFORE_DECIDE, "historicProcessInstanceQuery": {}}, is_async=is_async
    )

    assert told(reply) == (400, "InvalidRequestException", "Max results limit of 1 exceeded!", None)
    assert written(world) == before_
