import json
import re
from pathlib import Path

from hypothesis import given

from chalicelib.core.json_values import Json
from chalicelib.core.versions import snapshot_id
from tests.core.test_ids import backwards, values

EXAMPLE = json.loads((Path(__file__).parents[2] / "examples" / "order.json").read_text())


@given(values)
def test_a_snapshot_id_depends_on_the_content_alone(document: Json):
    assert snapshot_id(document) == snapshot_id(backwards(document))
    assert re.fullmatch(r"snap_[0-9a-f]{32}", snapshot_id(document))


def test_another_content_has_another_snapshot_id():
    assert snapshot_id({**EXAMPLE, "name": "Another"}) != snapshot_id(EXAMPLE)
    assert snapshot_id({**EXAMPLE, "transitions": EXAMPLE["transitions"][::-1]}) != snapshot_id(EXAMPLE)


def test_a_snapshot_id_never_changes():
    assert snapshot_id({"activities": [], "transitions": []}) == "snap_195855df8c938d602b8d0cdd6645d6ab"
