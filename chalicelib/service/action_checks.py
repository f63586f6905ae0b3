"""What a definition's actions ask for, judged when it is saved: whatever can be told without a run's variables."""

from collections.abc import Iterator

from chalicelib.actions.addresses import AddressPolicy, check_url
from chalicelib.actions.errors import HeaderRefused, UrlRefused
from chalicelib.actions.headers import MAX_HEADERS, check_headers
from chalicelib.core.definition_documents import DefinitionInvalid
from chalicelib.core.definitions import Activity, Definition, HttpAction, ServiceTask
from chalicelib.core.document_fields import Defect
from chalicelib.core.errors import Invalid
from chalicelib.core.json_values import Json
from chalicelib.core.overrides import FailureCallback

MAX_CALLBACK_HEADERS = MAX_HEADERS - 8  # those that tell of the failure come on top
_FILLED_IN = "${"


def check_actions(definition: Definition, policy: AddressPolicy) -> None:
    """Raise `DefinitionInvalid` for every URL and header that this stage would refuse at the call."""
    defects = [defect for activity in definition.activities.values() for defect in _defects(activity, policy)]
    if defects:
        raise DefinitionInvalid(defects)


class CallbackRefused(Invalid):
    code = "failure_callback_refused"

    def __init__(self, problem: str) -> None:
        super().__init__(f"The failure callback is refused: {problem}", problem=problem)


def check_callback(callback: FailureCallback | None, policy: AddressPolicy) -> None:
    """Raise `CallbackRefused` for a URL or a header that this stage would refuse at the call."""
    if callback is None:
        return
    try:
        check_url(callback.url, policy)
        check_headers(callback.headers)
    except (HeaderRefused, UrlRefused) as error:
        raise CallbackRefused(str(error)) from error
    if len(callback.headers) > MAX_CALLBACK_HEADERS:
        raise CallbackRefused(f"it has more than {MAX_CALLBACK_HEADERS} headers.")


def _defects(activity: Activity, policy: AddressPolicy) -> Iterator[Defect]:
    task = activity.kind
    if not isinstance(task, ServiceTask) or not isinstance(task.action, HttpAction):
        return
    action = task.action
    try:
        check_headers({name: str(value) for name, value in action.headers.items() if _is_literal(value)})
    except HeaderRefused as error:
        yield Defect(activity.id, str(error))
    if not _is_literal(action.url):
        return
    try:
        check_url(str(action.url), policy)
    except UrlRefused as error:
        yield Defect(activity.id, str(error))


def _is_literal(template: Json) -> bool:
    return _FILLED_IN not in str(template)
