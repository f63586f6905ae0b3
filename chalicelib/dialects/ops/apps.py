"""Apps over our own dialect: which version of a definition runs in an app, and its builds."""

from typing import Annotated

import msgspec
from msgspec import Meta

from chalicelib.core.access import Scope
from chalicelib.core.apps import App, AppName, Build, BuildId
from chalicelib.core.ids import DefinitionKey
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.ops import answers
from chalicelib.dialects.ops.reading import read_body, read_no_query
from chalicelib.dialects.ops.requests import Key
from chalicelib.dialects.ops.shapes import Shape
from chalicelib.dialects.services import Services
from chalicelib.dialects.times import write_time

BuildName = Annotated[str, Meta(min_length=1, max_length=64)]


class SaveApp(Shape, frozen=True):
    """`active_build`: null for what is published; `overrides`: other builds, by the id of an API key."""

    active_build: BuildName | None = None
    overrides: Annotated[dict[BuildName, BuildName], Meta(max_length=100)] = msgspec.field(default_factory=dict)


class MakeBuild(Shape, frozen=True):
    definitions: Annotated[list[Key], Meta(min_length=1, max_length=100)]


class AppShown(answers.Shape, frozen=True):
    workspace: str
    app: str
    active_build: str | None
    overrides: dict[str, str]


class BuildShown(answers.Shape, frozen=True):
    """`definitions`: the snapshot of each."""

    id: str
    definitions: dict[str, str]
    created_at: str


def save(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked = read_struct(read_body(call), SaveApp)
    fixed = None if asked.active_build is None else BuildId(asked.active_build)
    overrides = {key: BuildId(build) for key, build in asked.overrides.items()}
    return answer(_app(services.apps.save(call.account, _name(call), fixed, overrides)))


def show(services: Services, call: Call) -> Answer:
    read_no_query(call)
    return answer(_app(services.apps.load(call.account, _name(call))))


def make_build(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked = read_struct(read_json(call.body), MakeBuild)
    keys = [DefinitionKey(key) for key in asked.definitions]
    return answer(_build(services.apps.make_build(call.account, _name(call), keys)), 201)


def show_build(services: Services, call: Call) -> Answer:
    read_no_query(call)
    return answer(_build(services.apps.build(call.account, _name(call), BuildId(call.params["build"]))))


def _name(call: Call) -> AppName:
    return AppName(call.params["workspace"], call.params["app"])


def _app(app: App) -> AppShown:
    return AppShown(workspace=app.name.workspace, app=app.name.app, active_build=app.fixed, overrides={**app.overrides})


def _build(build: Build) -> BuildShown:
    return BuildShown(
        id=build.id,
        definitions={str(key): str(snapshot) for key, snapshot in build.versions.items()},
        created_at=write_time(build.at),
    )


_APP = "/ops/v1/apps/{workspace}/{app}"
OPERATIONS = (
    Operation(
        Route("PUT", _APP, Scope.WRITE, save, JSON_TYPE),
        "Register an app of a workspace, or say which build of it is active, and for whom",
        answers={200: (AppShown,)},
        body=SaveApp,
        is_body_needed=False,
    ),
    Operation(Route("GET", _APP, Scope.READ, show), "Show an app", answers={200: (AppShown,)}),
    Operation(
        Route("POST", f"{_APP}/builds", Scope.WRITE, make_build, JSON_TYPE),
        "Put what is published now into a build that never changes",
        answers={201: (BuildShown,)},
        body=MakeBuild,
        refusals=(409,),
    ),
    Operation(
        Route("GET", f"{_APP}/builds/{{build}}", Scope.READ, show_build),
        "Show a build",
        answers={200: (BuildShown,)},
    ),
)
