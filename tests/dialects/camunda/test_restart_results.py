"""What the engine makes of each instruction: which activities are active, and which variables there are.

    s ─ choose ─┬─(big)── outer [ s1 ─ fork ═ left ═ join ─ inner [ s2 ─ deep ─ e2 ] ─ e1 ] ─┬─ last ─ e
                └─ small ────────────────────────────────────────────────────────────────────┘
                                    ╚ right ╝
Every task listens, the sub-processes have variables of their own, and so has the task `deep`.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.core.ids import AccountId
from tests.dialects.camunda.bpmn.models import extended, file, flow, given, hears, io, kept, when
from tests.dialects.camunda.models import deploy
from tests.dialects.camunda.stories import REST, canceled, restart, restarted_from, start
from tests.dialects.client import Api, key_of
from tests.world import World


def heard(name: str, event: str = "start") -> str:
    return hears(event, f"${{execution.setVariable('{name}', true)}}")


def task(name: str, *more: str) -> str:
    return f'<userTask id="{name}">{extended(heard(f"{name}_began"), *more)}</userTask>'


IS_MAPPED = kept("came_out", "${execution.hasVariable('level')}")
INNER = (
    f'<subProcess id="inner">{extended(io(given("level", "2"), IS_MAPPED), heard("inner_began"))}'
    f'<startEvent id="s2"/>{task("deep", io(given("shown", "${amount + 1}")))}<endEvent id="e2"/>'
    f"{flow('s2', 'deep')}{flow('deep', 'e2')}</subProcess>"
)
OUTER = (
    f'<subProcess id="outer">{extended(io(given("level", "1")), heard("outer_began"))}'
    f'<startEvent id="s1"/><parallelGateway id="fork"/>{task("left")}{task("right")}<parallelGateway id="join"/>'
    f'{INNER}<endEvent id="e1"/>'
    + "".join(
        flow(*ends)
        for ends in [
            ("s1", "fork"),
            ("fork", "left"),
            ("fork", "right"),
            ("left", "join"),
            ("right", "join"),
            ("join", "inner"),
            ("inner", "e1"),
        ]
    )
    + "</subProcess>"
)
MODEL = file(
    extended(heard("process_began")),
    '<startEvent id="s"/><exclusiveGateway id="choose" default="choose_small"/>',
    OUTER,
    task("small"),
    task("last"),
    '<endEvent id="e"/>',
    flow("s", "choose"),
    flow("choose", "outer", when("${amount &gt; 5}")),
    flow("choose", "small"),
    flow("outer", "last"),
    flow("small", "last", extended(heard("taken", "take"))),
    flow("last", "e"),
)

Instruction = tuple[str, str]
LISTENED = {"process_began", "outer_began", "inner_began", "taken"} | {
    f"{name}_began" for name in ("left", "right", "deep", "small", "last")
}


def before(activity: str) -> Instruction:
    return ("startBeforeActivity", activity)


def after(activity: str) -> Instruction:
    return ("startAfterActivity", activity)


def along(transition: str) -> Instruction:
    return ("startTransition", transition)


@pytest.fixture(scope="module")
def shop(world: World) -> Any:
    """Deploy the model, and have an instance of the small way deleted where it waits."""
    api = key_of(world, AccountId("results"))
    [definition] = deploy(api, ("model.bpmn", MODEL)).json["deployedProcessDefinitions"]
    [source] = canceled(world, api, key="p", variables={"amount": {"value": 3}})
    return api, definition, source


def write(instructions: Sequence[Instruction]) -> list[dict[str, str]]:
    names = {"startTransition": "transitionId"}
    return [{"type": kind, names.get(kind, "activityId"): element} for kind, element in instructions]


def restarted(shop: Any, *instructions: Instruction, **more: Any) -> tuple[Api, str]:
    api, definition, source = shop
    earlier = {row["id"] for row in restarted_from(api, source)}
    body = {"instructions": write(instructions), "processInstanceIds": [source], "initialVariables": True, **more}
    reply = restart(api, definition, body)
    assert reply.status == 204, reply.json
    [new] = [row["id"] for row in restarted_from(api, source) if row["id"] not in earlier]
    return api, new


def tree(api: Api, instance: str) -> Any:
    """Answer the activities in which an instance stands, each with what is within it."""

    def inside(node: Any) -> list[Any]:
        children = [(child["activityId"], inside(child)) for child in node["childActivityInstances"]]
        return [name if not within else (name, within) for name, within in children]

    return inside(api.get(f"{REST}/process-instance/{instance}/activity-instances").json)


def began(api: Api, instance: str) -> set[str]:
    """Answer which listeners were heard."""
    return {*api.get(f"{REST}/process-instance/{instance}/variables").json} & LISTENED


WHOLE_WAY = ["process_began", "outer_began", "left_began", "right_began"]


@pytest.mark.parametrize(
    ("instructions", "active", "listened"),
    [
        ([before("s")], ["small"], ["process_began", "small_began"]),
        ([before("choose")], ["small"], ["process_began", "small_began"]),
        ([before("small")], ["small"], ["process_began", "small_began"]),
        ([before("outer")], [("outer", ["left", "right"])], WHOLE_WAY),
        ([before("s1")], [("outer", ["left", "right"])], WHOLE_WAY),
        ([before("fork")], [("outer", ["left", "right"])], WHOLE_WAY),
        ([before("left")], [("outer", ["left"])], ["process_began", "outer_began", "left_began"]),
        ([before("left"), before("right")], [("outer", ["left", "right"])], WHOLE_WAY),
        ([before("outer"), before("left")], [("outer", ["left", "right", "left"])], WHOLE_WAY),
        (
            [before("deep")],
            [("outer", [("inner", ["deep"])])],
            ["process_began", "outer_began", "inner_began", "deep_began"],
        ),
        (
            [before("deep"), before("left")],
            [("outer", [("inner", ["deep"]), "left"])],
            ["process_began", "outer_began", "inner_began", "deep_began", "left_began"],
        ),
        ([before("small"), before("small")], ["small", "small"], ["process_began", "small_began"]),
        ([after("s")], ["small"], ["process_began", "small_began"]),
        ([after("small")], ["last"], ["process_began", "taken", "last_began"]),
        ([after("outer")], ["last"], ["process_began", "last_began"]),
        (
            [after("deep"), before("small")],
            ["last", "small"],
            ["process_began", "outer_began", "inner_began", "last_began", "small_began"],
        ),
        ([along("small_last")], ["last"], ["process_began", "taken", "last_began"]),
        ([along("choose_outer")], [("outer", ["left", "right"])], WHOLE_WAY),
        ([along("fork_right")], [("outer", ["right"])], ["process_began", "outer_began", "right_began"]),
        (
            [along("left_join"), along("right_join")],
            [("outer", [("inner", ["deep"])])],
            ["process_began", "outer_began", "inner_began", "deep_began"],
        ),
    ],
)
def test_an_instruction_begins_where_it_says(shop, instructions, active, listened):
    api, new = restarted(shop, *instructions)

    assert sorted(map(repr, tree(api, new))) == sorted(map(repr, active))
    assert began(api, new) == {*listened}


@pytest.mark.parametrize("instruction", [before("e"), after("last"), along("last_e")])
def test_an_instruction_behind_which_nothing_waits_completes_at_once(shop, instruction):
    api, new = restarted(shop, instruction)

    assert api.get(f"{REST}/history/process-instance/{new}").json["state"] == "COMPLETED"


class TestSkipping:
    def test_listeners_are_not_heard_until_the_instance_waits(self, shop):
        api, new = restarted(shop, before("small"), skipCustomListeners=True)
        assert began(api, new) == set()

        [task] = api.get(f"{REST}/task?processInstanceId={new}").json
        api.post(f"{REST}/task/{task['id']}/complete", {})
        assert (tree(api, new), began(api, new)) == (["last"], {"taken", "last_began"})

    @pytest.mark.parametrize("is_skipping", [True, False])
    def test_mappings_of_the_scopes_around_are_not_made(self, shop, is_skipping):
        api, new = restarted(shop, before("deep"), skipIoMappings=is_skipping)
        [task] = api.get(f"{REST}/task?processInstanceId={new}").json
        api.post(f"{REST}/task/{task['id']}/complete", {})

        variables = api.get(f"{REST}/process-instance/{new}/variables").json
        assert (variables["came_out"]["value"], "level" in variables) == (not is_skipping, False)
        assert tree(api, new) == ["last"]


def test_variables_are_the_sources_last_ones_or_its_first(world: World, shop):
    api, definition, _ = shop
    source = start(api, "p", variables={"amount": {"value": 3}, "gone": {"value": 1}})
    path = f"{REST}/process-instance/{source}/variables"
    api.post(path, {"modifications": {"amount": {"value": 9}}, "deletions": ["gone"]}, content_type="application/json")
    api.delete(f"{REST}/process-instance/{source}")

    for is_initial, expected in ((False, (9, None)), (True, (3, 1))):
        _, new = restarted((api, definition, source), before("small"), initialVariables=is_initial)
        told = api.get(f"{REST}/process-instance/{new}/variables").json
        assert (told["amount"]["value"], told.get("gone", {}).get("value")) == expected
