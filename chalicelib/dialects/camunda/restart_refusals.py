"""Why a process instance could not be restarted, or ended, in the engine's words: in an answer, and on a job.

What is wrong with instructions is said of a start in the same words.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chalicelib.core.batches import Order
from chalicelib.core.errors import Busy, RestartError
from chalicelib.core.ids import AccountId, DefinitionKey
from chalicelib.core.json_values import Json
from chalicelib.core.state import AfterActivity, AlongTransition, BeforeActivity, Place
from chalicelib.dialects.camunda.ids import write_definition_id
from chalicelib.dialects.camunda.refusals import ENGINE, INVALID_REQUEST, EngineRefusal

Details = Mapping[str, Json]


class Told(NamedTuple):
    """What the engine says, and whether it takes it for the caller's mistake."""

    message: str
    is_callers: bool


def told_restart(account: AccountId, order: Order, code: str, details: Details, error: RestartError) -> RestartError:
    """Say a refusal as the engine does; what only we refuse is said in our words."""
    if isinstance(error, Busy):
        return error
    told = tell(account, order, code, details)
    if told is None:
        return error
    if told.is_callers:
        return EngineRefusal(400, INVALID_REQUEST, told.message)
    return EngineRefusal(500, ENGINE, told.message, 0)


def tell(account: AccountId, order: Order, code: str, details: Details) -> Told | None:
    """Answer what the engine says of a refusal; None if it knows no such."""
    definition_id = write_definition_id(account, order.definition, order.version)
    match code:
        case "run_not_found":
            return Told("Historic process instance cannot be found: historicProcessInstanceId is null", True)
        case "source_still_running" | "source_not_started":
            return Told(f"ENGINE-13040 {_cannot(details)} It is not completed or terminated.", False)
        case "source_of_other_version":
            theirs = _definition_id(account, details)
            why = f"Its process definition '{theirs}' does not match given process definition '{definition_id}'"
            return Told(f"ENGINE-13039 {_cannot(details)} {why}", False)
        case _:
            return tell_place(order.start.places, definition_id, code, details)


def tell_place(places: Sequence[Place], definition_id: str, code: str, details: Details) -> Told | None:
    """Answer what the engine says of places at which no token can begin, of a restart as of a start."""
    match code:
        case "element_unknown":
            return Told(_unknown(places, str(details["element"]), definition_id), True)
        case "scope_ambiguous":
            why = f"Activity({details['scope']})"
            return Told(f"Ancestor activity execution is ambiguous for activity {why}", False)
        case "element_ambiguous":
            has = "more than one" if details["ways"] else "no"
            why = f"activity has {has} outgoing sequence flow" + ("" if details["ways"] else " to take")
            return Told(f"Cannot start after activity {details['element']}; {why}", False)
        case _:
            return None


def tell_cancellation(code: str, details: Details) -> str | None:
    """Answer what the engine says when an instance could not be ended; None if it knows no such."""
    if code == "run_not_found":
        return f"No process instance found for id '{details['run_id']}': processInstance is null"
    return None


def _cannot(details: Details) -> str:
    return f"Historic process instance '{details['run_id']}' cannot be restarted."


def _definition_id(account: AccountId, details: Details) -> str:
    version = details["version"]
    number = version if isinstance(version, int) else None
    return write_definition_id(account, DefinitionKey(str(details["definition"])), number)


def _unknown(places: Sequence[Place], element: str, definition_id: str) -> str:
    """Say that there is no such element: the engine has other words for each instruction, and for the first."""
    number, place = next((n, place) for n, place in enumerate(places) if _element(place) == element)
    if isinstance(place, AfterActivity):
        what = f"Start after activity '{element}'; Activity '{element}' does not exist: activity is null"
        return f"Cannot perform instruction: {what}"
    if number == 0:
        return f"Element '{element}' does not exist in process {definition_id}: targetElement is null"
    kind = "Start before activity" if isinstance(place, BeforeActivity) else "Start transition"
    what = f"Element '{element}' does not exist in process '{definition_id}': element is null"
    return f"Cannot perform instruction: {kind} '{element}'; {what}"


def _element(place: Place) -> str:
    return place.transition if isinstance(place, AlongTransition) else place.activity
