"""Definitions: saved as drafts, published as versions, shown by any of their names."""

from typing import Any

import pytest

from tests.dialects.client import Api
from tests.dialects.ops.conftest import APPROVED, CHARGED, publish
from tests.graphs import document

ORDER = "/ops/v1/definitions/order"


def test_a_saved_draft_is_shown_until_something_is_published(api: Api) -> None:
    saved = api.put(ORDER, document(CHARGED))
    shown = api.get(ORDER).json

    assert (saved.status, saved.json["key"]) == (200, "order")
    assert (shown["state"], shown["version"], shown["document"]) == ("draft", None, document(CHARGED))
    assert shown["snapshot_id"] == saved.json["draft"]["snapshot_id"]


def test_publishing_numbers_versions_and_the_same_draft_again_is_the_same_version(api: Api) -> None:
    api.put(ORDER, document(CHARGED))
    first, again = api.post(f"{ORDER}/publish").json, api.post(f"{ORDER}/publish").json
    api.put(ORDER, document(APPROVED))
    second = api.post(f"{ORDER}/publish").json

    assert first == again
    assert (first["version"], second["version"]) == (1, 2)
    assert first["snapshot_id"] != second["snapshot_id"]
    assert first["published_at"].endswith("Z")


class TestVersions:
    @pytest.fixture
    def snapshot(self, api: Api) -> str:
        """Publish one version, and save another draft."""
        snapshot = publish(api, CHARGED)
        api.put(ORDER, document(APPROVED))
        return snapshot

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("", ("published", 1, document(CHARGED))),
            ("?version=published", ("published", 1, document(CHARGED))),
            ("?version=1", ("published", 1, document(CHARGED))),
            ("?version=draft", ("draft", None, document(APPROVED))),
            ("?version={snapshot}", ("snapshot", None, document(CHARGED))),
        ],
    )
    def test_a_version_is_found_by_any_of_its_names(self, api: Api, snapshot: str, asked: str, found: Any) -> None:
        shown = api.get(ORDER + asked.format(snapshot=snapshot)).json

        assert (shown["state"], shown["version"], shown["document"]) == found

    @pytest.mark.parametrize(
        ("asked", "status", "refusal"),
        [
            ("2", 404, "version_not_found"),
            ("999999999", 404, "version_not_found"),
            ("snap_" + "0" * 32, 404, "version_not_found"),
            ("0", 400, "invalid_version"),
            ("-1", 400, "invalid_version"),
            ("%C2%B2", 400, "invalid_version"),
            ("same", 400, "invalid_version"),
            ("", 400, "invalid_field"),
            ("snap_x", 400, "invalid_version"),
        ],
    )
    def test_a_version_that_there_is_not_is_refused(
        self, api: Api, snapshot: str, asked: str, status: int, refusal: str
    ) -> None:
        reply = api.get(f"{ORDER}?version={asked}")

        assert (reply.status, reply.refusal) == (status, refusal)


def test_what_was_never_published_has_no_published_version(api: Api) -> None:
    api.put(ORDER, document(CHARGED))

    reply = api.get(f"{ORDER}?version=published")

    assert (reply.status, reply.refusal) == (409, "nothing_published")


def test_a_document_with_defects_is_refused_with_every_one_of_them(api: Api) -> None:
    graph: Any = {"activities": [{"id": "a", "type": "nonsense"}, {"id": "b", "type": "timer"}], "colour": "red"}
    reply = api.put(ORDER, graph)

    assert (reply.status, reply.refusal) == (400, "definition_invalid")
    assert {defect["element"] for defect in reply.json["error"]["details"]["defects"]} == {"a", "b", "definition"}
    assert api.get(ORDER).refusal == "definition_not_found"


def test_definitions_are_listed_by_key_page_by_page(api: Api, stranger: Api) -> None:
    keys = [f"d{number}" for number in range(7)]
    for key in reversed(keys):
        api.put(f"/ops/v1/definitions/{key}", document(CHARGED))
    stranger.put("/ops/v1/definitions/d00", document(CHARGED))

    listed: list[str] = []
    more = "&"
    while more:
        page = api.get(f"/ops/v1/definitions?limit=3{more}").json
        listed += [definition["key"] for definition in page["definitions"]]
        more = page["next_cursor"] and f"&cursor={page['next_cursor']}"

    assert listed == keys
