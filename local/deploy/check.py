"""Hold a package against what AWS will do with it: translate its template, and start its bundle.

python -m local.deploy.check prod
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from boto3 import Session
from cfnlint.api import lint
from cfnlint.core import get_rules
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.deploy import starting
from local.deploy.bundle import ROOT

MAX_BUNDLE = 3_000_000  # bytes; grow it knowingly

CODE = {"CodeUri": "s3://a-bucket/deployment.zip"}
"""Where `aws cloudformation package` puts the code: the translator knows no file."""


def translated(sam: dict[str, Any]) -> dict[str, Any]:
    """Answer what CloudFormation makes of a template, as its SAM transform does."""
    copy = json.loads(json.dumps(sam))
    for it in copy["Resources"].values():
        if it["Type"] == "AWS::Serverless::Function":
            it["Properties"] |= CODE
    values = {name: it.get("Default", "x" * 32) for name, it in copy["Parameters"].items()}
    translator = Translator({}, Parser(), boto_session=Session(region_name="us-east-1"))
    plain: dict[str, Any] = translator.translate(copy, parameter_values=values)
    return plain


def defects(template: dict[str, Any]) -> list[str]:
    """List what cfn-lint finds wrong with a template."""
    found = lint(json.dumps(template), get_rules([], [], []), ["us-east-1"])
    return [f"{it.rule.id} {it.message} at {it.path}" for it in found]


def starts(bundle: Path) -> str:
    """Start a bundle in a process that has nothing else; answer what went wrong."""
    with tempfile.TemporaryDirectory() as task, zipfile.ZipFile(bundle) as zipped:
        zipped.extractall(task)
        command = [sys.executable, "-I", "-S", "-W", "error", starting.__file__, task]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    return done.stderr


def main(stage: str) -> str | None:
    """Answer what is wrong with a stage's package; None if nothing is."""
    out = ROOT / "out" / stage
    sam = json.loads((out / "sam.json").read_text())
    size = (out / "deployment.zip").stat().st_size
    wrong = [*defects(sam), *defects(translated(sam)), starts(out / "deployment.zip")]
    if size > MAX_BUNDLE:
        wrong.append(f"The bundle has {size} bytes; {MAX_BUNDLE} is the most.")
    print(f"{out.relative_to(ROOT)}: {len(sam['Resources'])} resources, a bundle of {size} bytes")
    return "\n".join(it for it in wrong if it) or None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
