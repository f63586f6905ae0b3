"""What goes into a bundle, as far as no package index is needed to tell; `make package` starts the bundle itself."""

from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement

from local.deploy.bundle import LOCK, ROOT, compile_all, lay_out_app


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


def test_bytecode_names_files_where_lambda_has_them_and_ours_keep_their_source(tmp_path: Path) -> None:
    lay_out_app(tmp_path)
    library = tmp_path / "vendor" / "library" / "__init__.py"
    chalice = tmp_path / "vendor" / "chalice" / "app.py"
    for module in (library, chalice):
        module.parent.mkdir(parents=True)
        module.write_text("ANSWER = 42\n")

    compile_all(tmp_path)

    assert not library.exists()
    assert b"/var/task/library/__init__.py" in library.with_suffix(".pyc").read_bytes()
    assert [*(chalice.parent / "__pycache__").glob("app.*.pyc")]
    assert [*(tmp_path / "vendor" / "__pycache__").glob("app.*.pyc")]
    assert (tmp_path / "chalicelib" / "wiring.py").exists()
    assert [*(tmp_path / "chalicelib" / "__pycache__").glob("wiring.*.pyc")]
