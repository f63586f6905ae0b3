"""What runs on Lambda, laid out for Chalice: the app, Chalice's own module, and what they need, small and compiled.

Two things make a cold start slow, and neither is ours: source that is compiled each time, since /var/task is read-only,
and botocore's descriptions of four hundred services. So all is compiled here, by the Python that Lambda will run, and
botocore keeps what it knows of our services.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from compileall import compile_dir
from functools import partial
from pathlib import Path
from py_compile import PycInvalidationMode

import chalice

ROOT = Path(__file__).parents[2]
LOCK = Path(__file__).parent / "requirements.lock"
TASK = "/var/task"  # where Lambda unpacks a bundle: tracebacks name files there
PLATFORM = "manylinux2014_x86_64"  # glibc 2.17, which every runtime of Lambda has
SERVICES = frozenset({"dynamodb", "lambda", "sqs"})

_OURS = re.compile(r"/vendor/(app|chalice)/")
_UNUSED = (
    "bin",
    "*.dist-info",
    "boto3/data",
    "boto3/examples",
    "botocore/data/*/*/examples-1.json",
    "dateutil/rrule.py",
    "dateutil/zoneinfo/*.tar.gz",
    "sqlglot/executor",
    "sqlglot/lineage.py",
    "sqlglot/planner.py",
)
_SQL = frozenset({"__init__.py", "base.py", "dialect.py", "postgres.py", "scope.py"})
"""What of sqlglot's dialects reads PostgreSQL, as which Restate's clients ask; it optimizes nothing."""


def lay_out(project: Path) -> None:
    """Make a Chalice project of the app, in which nothing is left to install or to compile."""
    lay_out_app(project)
    vendor = project / "vendor"
    install(vendor, "--no-deps", "--requirement", str(LOCK))
    strip(vendor)
    _copy_chalice(vendor / "chalice")
    compile_all(project)


def lay_out_app(project: Path) -> None:
    """Copy the app alone, which is all that the template is made of."""
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / ".chalice", project / ".chalice", ignore=shutil.ignore_patterns("deploy*"))
    shutil.copy(ROOT / "app.py", project)
    (project / "requirements.txt").write_text("")  # the libraries go into vendor/


def install(vendor: Path, *what: str) -> None:
    """Install packages for Lambda, whatever machine this is."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    where = ["--target", str(vendor), "--platform", PLATFORM, "--implementation", "cp", "--python-version", python]
    subprocess.run(  # noqa: S603 - our own words
        [*command, *where, "--only-binary=:all:", *what], check=True
    )


def strip(vendor: Path) -> None:
    """Take away what is never read."""
    data = vendor / "botocore" / "data"
    described = (place for place in data.iterdir() if place.is_dir() and place.name not in SERVICES)
    _remove(described)
    _remove(place for unused in _UNUSED for place in vendor.glob(unused))
    sql = (vendor / "sqlglot" / part for part in ("dialects", "generators", "optimizer", "parsers", "typing"))
    _remove(place for part in sql for place in part.iterdir() if place.name not in _SQL)
    endpoints = json.loads((data / "endpoints.json").read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {name: it for name, it in partition["services"].items() if name in SERVICES}
    (data / "endpoints.json").write_text(json.dumps(endpoints))


def _remove(places: Iterable[Path]) -> None:
    for place in [*places]:
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink()


def _copy_chalice(to: Path) -> None:
    """Copy the two files of Chalice that it packs by itself, so that their bytecode is packed too."""
    to.mkdir()
    for name in ("__init__.py", "app.py"):
        shutil.copy(Path(chalice.__file__).parent / name, to)


def compile_all(project: Path) -> None:
    """Write bytecode that holds whatever the time of its source, since a zip file keeps none.

    Libraries go without source, docstrings and asserts: tracebacks still name their lines. Ours stay as they are.
    """
    vendor = project / "vendor"
    compiled = partial(compile_dir, prependdir=TASK, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    (vendor / "app").mkdir()
    shutil.copy(project / "app.py", vendor / "app")
    is_done = [
        compiled(project / "chalicelib", stripdir=project),
        compiled(vendor / "chalice", stripdir=vendor),
        compiled(vendor / "app", stripdir=vendor / "app"),
        compiled(vendor, stripdir=vendor, rx=_OURS, legacy=True, optimize=2),
    ]
    if not all(is_done):
        raise SystemExit("Some of it cannot be compiled.")
    _remove(vendor.rglob("*.py"))
    (vendor / "app" / "__pycache__").rename(vendor / "__pycache__")  # Chalice packs no bytecode of app.py by itself
    (vendor / "app").rmdir()
