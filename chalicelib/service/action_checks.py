"""What a definition's actions ask for, judged when it is saved: whatever can be told without a run's variables."""

from collections.abc import Iterator

from chalicelib.actions.addresses import AddressPolicy, check_url
from chalicelib.actions.errors import HeaderRefused, UrlRefused
from chalicelib.actions.headers import check_headers
from chalicelib.core.definition_documents import DefinitionInvalid
from chalicelib.core.definitions import Activity, Definition, HttpAction, ServiceTask
from chalicelib.core.document_fields import Defect
from chalicelib.core.json_values import Json

_FILLED_IN = "${"


def check_actions(definition: Definition, policy: AddressPolicy) -> None:
    """Raise `DefinitionInvalid` for every URL and header that this stage would refuse at the call."""
    defects = [defect for activity in definition.activities.values() for defect in _defects(activity, policy)]
    if defects:
        raise DefinitionInvalid(defects)


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
