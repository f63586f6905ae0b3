"""How a FlowX call is read: the key, the data in the body, the ids in the path."""

import re
from dataclasses import dataclass
from uuid import UUID

from chalicelib.core.apps import AppName
from chalicelib.core.ids import DefinitionKey, RunId
from chalicelib.core.json_values import Variables
from chalicelib.core.restart_requests import Inherited
from chalicelib.dialects.edge import Call
from chalicelib.dialects.flowx.refusals import BodyNotObject, InheritanceInvalid, UuidInvalid
from chalicelib.dialects.json_bodies import read_json

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KINDS = frozenset({"paramsToCopy", "withoutParams"})


@dataclass(frozen=True, slots=True)
class Place:
    """The app that a path names, and the process."""

    name: AppName
    process: DefinitionKey


def read_place(call: Call) -> Place:
    return Place(AppName(call.params["workspace"], call.params["app"]), DefinitionKey(call.params["process"]))


def read_data(call: Call) -> Variables:
    """Answer the body, which must be an object; nothing at all is an empty one."""
    body = read_json(call.body) if call.body else {}
    if not isinstance(body, dict):
        raise BodyNotObject
    return body


def read_source(call: Call) -> RunId:
    """Read a process instance's UUID. It is ours: an instance is a run."""
    given = call.params["uuid"]
    if not _UUID.fullmatch(given):
        raise UuidInvalid
    return RunId(str(UUID(given)))


def read_inherited(body: Variables) -> Inherited:
    """Read `paramsToInherit`: these names alone, or all but what stands at these paths; neither is everything."""
    given = body.get("paramsToInherit")
    if given is None:
        return Inherited()
    if not isinstance(given, dict) or not given.keys() <= _KINDS or len(given) > 1:
        raise InheritanceInvalid
    names = {kind: _names(listed) for kind, listed in given.items()}
    copied = names.get("paramsToCopy", ())
    return Inherited(frozenset(copied) if copied else None, names.get("withoutParams", ()))


def _names(listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(name, str) and name for name in listed):
        raise InheritanceInvalid
    return tuple(listed)


def labels_of(name: AppName) -> tuple[str, ...]:
    """Answer what tells a run's app: who looks from another one does not see it."""
    return (f"app={name.app}", f"workspace={name.workspace}")
