"""The composition root: what it reads, and what stands in for AWS on a laptop."""

import base64
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from chalicelib import settings, wiring, workers
from chalicelib.dialects.services import Services
from tests.world import World

ROOT = Path(__file__).parent.parent
DEPLOYED = {
    "REPRISE_STAGE": "prod",
    "AWS_REGION": "eu-west-1",
    "REPRISE_RUNS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/reprise-runs-prod",
    "REPRISE_BULK_RUNS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/reprise-bulk-runs-prod",
    "REPRISE_DISPATCH_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/reprise-dispatch-prod",
    "REPRISE_BATCHES_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/reprise-batches-prod",
    "REPRISE_CURSOR_SECRET": "a secret of the stage, long enough",
}


@pytest.fixture
def nothing_installed(world: World, monkeypatch) -> None:
    """Be a process that nobody has asked for anything."""
    monkeypatch.setattr(wiring, "_installed", [])
    monkeypatch.setattr(workers, "_installed", [])


def test_a_function_reads_its_settings_from_its_environment():
    read = settings.settings_from({**DEPLOYED, "REPRISE_LIST_SHARDS": "4"})

    assert read == settings.Settings(
        stage="prod",
        region="eu-west-1",
        runs_queue_url=DEPLOYED["REPRISE_RUNS_QUEUE_URL"],
        bulk_runs_queue_url=DEPLOYED["REPRISE_BULK_RUNS_QUEUE_URL"],
        dispatch_queue_url=DEPLOYED["REPRISE_DISPATCH_QUEUE_URL"],
        batches_queue_url=DEPLOYED["REPRISE_BATCHES_QUEUE_URL"],
        cursor_secret=DEPLOYED["REPRISE_CURSOR_SECRET"],
        list_shards=4,
        due_shards=16,
        is_private_network_allowed=False,
    )


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({}, None),
        ({"REPRISE_SIGNING_KEY": "sig_1"}, ("sig_1", "sig_1")),
        ({"REPRISE_SIGNING_KEY": "sig_1", "REPRISE_NEXT_SIGNING_KEY": "sig_2"}, ("sig_1", "sig_2")),
        ({"REPRISE_NEXT_SIGNING_KEY": "sig_2"}, None),
    ],
)
def test_signing_keys_are_a_stage_s_own(given, keys):
    assert settings.settings_from({**DEPLOYED, **given}).signing_keys == keys


def test_a_secret_of_a_key_is_256_bits_of_chance():
    new_secret = wiring.Machine().new_secret

    assert len(base64.urlsafe_b64decode(f"{new_secret()}=")) == 32
    assert len({new_secret() for _ in range(100)}) == 100


@pytest.mark.parametrize(("given", "previous"), [(None, None), ("", None), ("the one before", "the one before")])
def test_no_previous_secret_opens_no_cursor(given, previous):
    named = {} if given is None else {"REPRISE_PREVIOUS_CURSOR_SECRET": given}

    assert settings.settings_from({**DEPLOYED, **named}).previous_cursor_secret == previous


@pytest.mark.parametrize("missing", DEPLOYED)
def test_a_missing_setting_is_said_at_once(missing: str):
    with pytest.raises(KeyError):
        settings.settings_from({name: value for name, value in DEPLOYED.items() if name != missing})


def test_services_are_built_once_and_only_when_asked_for(nothing_installed, monkeypatch):
    for name, value in DEPLOYED.items():
        monkeypatch.setenv(name, value)

    assert wiring.services() is wiring.services()
    assert workers.workers() is wiring.services()


def test_workers_alone_are_built_once_and_only_when_asked_for(nothing_installed, monkeypatch):
    for name, value in DEPLOYED.items():
        monkeypatch.setenv(name, value)

    assert workers.workers() is workers.workers()
    assert not isinstance(workers.workers(), wiring.Services)


def test_a_backend_may_install_its_own_services(nothing_installed, monkeypatch, world):
    backend = ModuleType("a_backend_of_the_tests")
    backend.start = lambda: wiring.install(world.services)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, backend.__name__, backend)
    monkeypatch.setenv("REPRISE_BACKEND", backend.__name__)

    assert workers.workers() is world.services
    assert wiring.services() is world.services


def test_what_is_wired_is_what_dialects_ask(world: World) -> None:
    asked: Services = world.services  # mypy holds the two together

    assert asked.runs is world.services.runs


def test_importing_the_app_asks_for_nothing_and_lets_requests_be_logged():
    code = "import app, logging; assert logging.getLogger('reprise').isEnabledFor(logging.INFO)"

    done = subprocess.run([sys.executable, "-c", code], env={}, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
