"""What a path means: which handler of which service, for which key (restate-server's handler/path_parsing.rs).

    /{service}/{handler}[/send]        a service's
    /{service}/{key}/{handler}[/send]  an object's or a workflow's

Which of the two it is, the type of the definition says. A service is a definition, and a handler one of its outermost
start events; the key is the run's business key.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.core.definitions import DefinitionType
from chalicelib.core.ids import ActivityId, DefinitionKey
from chalicelib.core.json_values import canonical_json
from chalicelib.core.refusals import DefinitionNotFound, NothingPublished
from chalicelib.core.versions import PublishedVersion, Version
from chalicelib.dialects.edge import Call, RouteUnknown
from chalicelib.dialects.restate.ingress.refusals import (
    KeyUndecodable,
    ServicePathInvalid,
    ServiceUnknown,
    VerbPathInvalid,
)
from chalicelib.dialects.services import Services
from chalicelib.service.commands import Command

_SERVERS_OWN = "restate"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # what the edge makes of bytes that are no UTF-8


@dataclass(frozen=True, slots=True)
class Target:
    service: DefinitionKey
    handler: ActivityId
    key: str | None = None

    def command(self, call: Call, idempotency_key: str | None) -> Command:
        """Answer what makes this target's invocation.

        The body is no part of it: under one idempotency key every request means the first one's invocation, as the
        server derives an invocation's id from target and key, and compares nothing.
        """
        subject = canonical_json([self.service, self.key, self.handler]).decode()
        return Command(call.account, "restate", "ingress", subject, None, idempotency_key)


def service_of(services: Services, call: Call) -> Version:
    """Answer the definition that a path names, as it is published; raise `ServiceUnknown`.

    What stands under the server's own name is no service, wherever a gateway looks first.
    """
    name = DefinitionKey(call.params["service"])
    if name == _SERVERS_OWN:
        raise RouteUnknown
    try:
        return services.definitions.find(call.account, name, PublishedVersion())
    except (DefinitionNotFound, NothingPublished) as error:
        raise ServiceUnknown(name) from error


def read_target(service: Version, call: Call, *names: str) -> tuple[Target, bool]:
    """Read the path's target behind its service, and whether a send is meant; raise `ServicePathInvalid`."""
    key, rest = _split(service, call, names)
    match rest:
        case [handler]:
            return Target(service.key, ActivityId(handler), key), False
        case [handler, "send"]:
            return Target(service.key, ActivityId(handler), key), True
        case _:
            raise ServicePathInvalid


def read_verb_target(service: Version, call: Call, *names: str) -> Target:
    """Read the target of a path whose verb stands before it; raise `VerbPathInvalid`."""
    key, rest = _split(service, call, names)
    if len(rest) != 1:
        raise VerbPathInvalid
    return Target(service.key, ActivityId(rest[0]), key)


def read_keyed_target(call: Call, *names: str) -> Target:
    """Read a target by the number of its segments, without a look at the definition."""
    *key, handler = _segments(call, names)
    return Target(DefinitionKey(call.params["service"]), ActivityId(handler), key[0] if key else None)


def _split(service: Version, call: Call, names: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    segments = _segments(call, names)
    if service.definition.type is DefinitionType.SERVICE:
        return None, segments
    return segments[0], segments[1:]


def _segments(call: Call, names: Sequence[str]) -> list[str]:
    segments = [call.params[name] for name in names if name in call.params]
    if any(_REPLACEMENT in segment for segment in segments):
        raise KeyUndecodable
    return segments
