"""How long a definition's runs are kept, over our own dialect."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from chalicelib.core import retention
from chalicelib.core.access import Scope
from chalicelib.core.definition_documents import MAX_KEPT_S
from chalicelib.core.ids import DefinitionKey
from chalicelib.dialects.edge import JSON_TYPE, Answer, Call, Route
from chalicelib.dialects.json_answers import answer
from chalicelib.dialects.json_bodies import read_json, read_struct
from chalicelib.dialects.openapi import Operation
from chalicelib.dialects.ops import answers
from chalicelib.dialects.ops.reading import read_no_query
from chalicelib.dialects.ops.shapes import Shape
from chalicelib.dialects.services import Services
from chalicelib.service import definitions

KeptFor = Annotated[float, Meta(ge=0, le=MAX_KEPT_S)]


class RetentionChange(Shape, frozen=True):
    """Seconds from a run's end on; null: for ever; what is left out stays as it is."""

    completion_s: KeptFor | UnsetType | None = UNSET
    journal_s: KeptFor | UnsetType | None = UNSET


class SettingsChange(Shape, frozen=True):
    """Null: what the definition's document says holds again."""

    retention: RetentionChange | None


class Retention(answers.Shape, frozen=True):
    completion_s: float | None
    journal_s: float | None


class DefinitionSettings(answers.Shape, frozen=True):
    """What holds for new runs. `is_settled` says that it is not the document's."""

    retention: Retention
    is_settled: bool


def write_settings(held: definitions.DefinitionSettings) -> DefinitionSettings:
    kept = Retention(completion_s=held.retention.completion_s, journal_s=held.retention.journal_s)
    return DefinitionSettings(retention=kept, is_settled=held.is_settled)


def show(services: Services, call: Call) -> Answer:
    read_no_query(call)
    return answer(write_settings(services.definitions.settings(call.account, DefinitionKey(call.params["key"]))))


def change(services: Services, call: Call) -> Answer:
    read_no_query(call)
    asked, key = read_struct(read_json(call.body), SettingsChange), DefinitionKey(call.params["key"])
    wanted = None
    if asked.retention is not None:
        held = services.definitions.settings(call.account, key).retention
        wanted = _laid_over(held, asked.retention)
    return answer(write_settings(services.definitions.retain(call.account, key, wanted)))


def _laid_over(held: retention.Retention, asked: RetentionChange) -> retention.Retention:
    return retention.Retention(
        completion_s=held.completion_s if asked.completion_s is UNSET else asked.completion_s,
        journal_s=held.journal_s if asked.journal_s is UNSET else asked.journal_s,
    )


OPERATIONS = (
    Operation(
        Route("GET", "/ops/v1/definitions/{key}/settings", Scope.READ, show),
        "Show what holds for a published definition's new runs",
        answers={200: (DefinitionSettings,)},
        refusals=(409,),
    ),
    Operation(
        Route("PATCH", "/ops/v1/definitions/{key}/settings", Scope.WRITE, change, JSON_TYPE),
        "Settle how long a definition's new runs are kept, on whatever version; those that there are keep theirs",
        answers={200: (DefinitionSettings,)},
        body=SettingsChange,
        refusals=(409,),
    ),
)
