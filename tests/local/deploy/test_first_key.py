import pytest

from chalicelib.core.access import Scope
from local import aws
from local.deploy.first_key import main
from tests.backends import backend, on_moto
from tests.world import World

__all__ = ["backend"]


@on_moto
def test_the_first_key_of_an_account_opens_everything(capsys: pytest.CaptureFixture[str], backend: None) -> None:
    world = World()

    main(["--stage", "test", "--region", aws.REGION, "--account", "acme"])

    key = world.services.access.authorize(capsys.readouterr().out.strip(), Scope.ADMIN)
    assert (key.account, key.name, key.scopes, key.environment) == ("acme", "first", frozenset(Scope), "live")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--stage", "test", "--account", "a#b", "--region", aws.REGION],
        ["--account", "acme", "--region", aws.REGION],
        ["--stage", "test", "--account", "acme", "--region", ""],
    ],
)
def test_what_makes_no_key_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)

    assert "error:" in capsys.readouterr().err
