"""What callers look at: the build that is active for them, how an instance stands, and its data."""

from typing import TypedDict

from chalicelib.core.apps import AppName
from chalicelib.core.runs import Run
from chalicelib.dialects.edge import Answer, Call
from chalicelib.dialects.flowx.answers import write_status
from chalicelib.dialects.flowx.reading import read_source
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.services import Services


class BuildSettings(TypedDict):
    applicationVersionId: str | None
    platforms: list[str]
    themeId: None


class BuildInfo(TypedDict):
    """The build that is active for a caller; null: what is published at the moment of a start."""

    workspaceId: str
    applicationId: str
    buildId: str | None
    buildSettings: BuildSettings


def build_info(services: Services, call: Call) -> Answer:
    name = AppName(call.params["workspace"], call.params["app"])
    build = services.apps.active_build(call.account, name, call.key.id)
    told: BuildInfo = {
        "workspaceId": name.workspace,
        "applicationId": name.app,
        "buildId": build,
        "buildSettings": {"applicationVersionId": build, "platforms": [], "themeId": None},
    }
    return answer(told)


def status(services: Services, call: Call) -> Answer:
    run = _run(services, call)
    return answer(write_status(run, services.runs.waits(run)))


def data(services: Services, call: Call) -> Answer:
    """Show an instance's values as they are now."""
    return answer(services.runs.variables(_run(services, call)))


def _run(services: Services, call: Call) -> Run:
    return services.runs.load(call.account, read_source(call))
