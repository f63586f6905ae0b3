"""What runs on Lambda, laid out for Chalice: the app, Chalice's own module, and what they need, small and compiled.

Two things make a cold start slow, and neither is ours: source that is compiled each time, since /var/task is read-only,
and botocore's descriptions of four hundred services. So all is compiled here, by the Python that Lambda will run, and
botocore keeps what it knows of our services.

| part       | as                                                                            |
|------------|-------------------------------------------------------------------------------|
| app.py     | source, beside its bytecode: Chalice wants to see it                          |
| chalice    | the same: Chalice packs its source by itself                                  |
| chalicelib | bytecode; its docstrings are read (OpenAPI's texts), its asserts are held     |
| libraries  | bytecode without docstrings and asserts; what nothing imports is left out     |

Bytecode tells the file and the line of a traceback, and not which columns of the line: that is a quarter of its size.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import chalice

ROOT = Path(__file__).parents[2]
LOCK = Path(__file__).parent / "requirements.lock"
TASK = "/var/task"  # where Lambda unpacks a bundle: tracebacks name files there
PLATFORM = "manylinux2014_x86_64"  # glibc 2.17, which every runtime of Lambda has
SERVICES = frozenset({"dynamodb", "lambda", "sqs"})

_UNUSED = (
    "bin",
    "*.dist-info",
    "boto3",  # our clients come from botocore's session, which PynamoDB has made; boto3 would wrap them
    "s3transfer",
    "*/py.typed",
    "**/*.pyi",
    "botocore/data/dynamodb/2011-12-05",  # APIs of the past
    "botocore/data/lambda/2014-11-11",
    "botocore/data/*/*/examples-1.json",
    "botocore/crt/auth.py",
    "botocore/stub.py",
    "dateutil/easter.py",
    "dateutil/rrule.py",
    "dateutil/tz/win.py",
    "dateutil/zoneinfo/*.tar.gz",
    "sqlglot/__main__.py",
    "sqlglot/anonymize.py",
    "sqlglot/executor",
    "sqlglot/lineage.py",
    "sqlglot/planner.py",
    "sqlglot/serde.py",
    "urllib3/contrib/emscripten",
    "urllib3/contrib/pyopenssl.py",
    "urllib3/contrib/socks.py",
    "urllib3/http2/connection.py",
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
    for unused in _UNUSED:
        _remove(vendor.glob(unused))
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
    """Write bytecode that holds whatever the time of its source, since a zip file keeps none."""
    vendor = project / "vendor"
    own = vendor / "app"
    own.mkdir()
    shutil.copy(project / "app.py", own)
    _compile(own, "-s", str(own))
    _compile(vendor / "chalice", "-s", str(vendor))
    (own / "__pycache__").rename(vendor / "__pycache__")  # Chalice packs no bytecode of app.py by itself
    shutil.rmtree(own)
    _remove((vendor / "chalice").glob("*.py"))
    _compile(project / "chalicelib", "-s", str(project), "-b")
    _compile(vendor, "-s", str(vendor), "-b", "-o", "2")
    _remove(place for compiled in (project / "chalicelib", vendor) for place in compiled.rglob("*.py"))


def _compile(where: Path, *how: str) -> None:
    command = [sys.executable, "-X", "no_debug_ranges", "-m", "compileall", "-q", "-p", TASK]
    subprocess.run(  # noqa: S603 - our own words
        [*command, "--invalidation-mode", "unchecked-hash", *how, str(where)], check=True
    )
