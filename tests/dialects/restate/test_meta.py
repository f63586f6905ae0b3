import pytest

from tests.dialects.client import Api


@pytest.mark.usefixtures("world")
def test_anybody_learns_which_versions_of_the_admin_api_are_spoken() -> None:
    told = Api().get("/version").json

    assert (told["min_admin_api_version"], told["max_admin_api_version"]) == (2, 4)
    assert told["features"] == {}
