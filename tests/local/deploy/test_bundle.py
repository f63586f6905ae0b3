"""What goes into a bundle, as far as no package index is needed to tell; `make package` starts the bundle itself."""

import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from local.deploy.bundle import LOCK, ROOT, compile_all, lay_out_app
from local.deploy.check import starts

UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552: a hash, which nobody compares


def requirements(path: Path) -> dict[str, Requirement]:
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    return {it.name: it for it in map(Requirement, filter(None, lines))}


def test_what_is_locked_is_what_is_asked_for() -> None:
    locked = requirements(LOCK)

    for name, asked in requirements(ROOT / "requirements.txt").items():
        [pin] = locked[name].specifier
        assert asked.specifier.contains(pin.version)


def test_what_is_locked_is_what_the_tests_run_on() -> None:
    for name, locked in requirements(LOCK).items():
        assert locked.specifier.contains(version(name))


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile a project of the app, a library, and Chalice's module."""
    project = tmp_path_factory.mktemp("project")
    lay_out_app(project)
    for name, source in (("library", '"""Told."""\nimport this_is_nowhere\n'), ("chalice", "ANSWER = 42\n")):
        module = project / "vendor" / name / "app.py"
        module.parent.mkdir(parents=True)
        module.write_text(source)
    compile_all(project)
    return project


def python(*paths: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code where nothing is on the path but these, and the standard library."""
    script = f"import sys; sys.path[:0] = {[str(path) for path in paths]}; {code}"
    return subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)


def test_a_traceback_names_the_file_that_lambda_has_and_the_line(laid_out: Path) -> None:
    done = python(laid_out / "vendor", code="import library.app")

    assert 'File "/var/task/library/app.py", line 2, in <module>' in done.stderr


def test_ours_and_libraries_are_bytecode_alone_and_what_chalice_packs_itself_is_both(laid_out: Path) -> None:
    assert not [*(laid_out / "chalicelib").rglob("*.py")]
    assert not [*(laid_out / "vendor").rglob("*.py")]
    assert (laid_out / "app.py").exists()
    assert [*(laid_out / "vendor" / "__pycache__").glob("app.*.pyc")]
    assert [*(laid_out / "vendor" / "chalice" / "__pycache__").glob("app.*.pyc")]


def test_ours_keep_their_docstrings_which_become_summaries(laid_out: Path) -> None:
    told = "from chalicelib.core.errors import RestartError; print(RestartError.__doc__)"

    assert python(laid_out, code=told).stdout.startswith("Refuse, finally")


@pytest.mark.parametrize("directory", ["__pycache__", "core"])
def test_what_is_compiled_does_not_depend_on_the_time_of_its_source(laid_out: Path, directory: str) -> None:
    [*compiled] = (laid_out / ("vendor" if directory == "__pycache__" else "chalicelib") / directory).glob("*.pyc")

    assert compiled
    assert {path.read_bytes()[4:8] for path in compiled} == {UNCHECKED_HASH}


def test_a_bundle_that_lacks_something_does_not_start(tmp_path: Path) -> None:
    bundle = tmp_path / "deployment.zip"
    with zipfile.ZipFile(bundle, "w") as zipped:
        zipped.writestr("app.py", "import chalicelib")

    assert "No module named 'chalicelib'" in starts(bundle)
