"""Make `out/<stage>`: the bundle, and the template that `aws cloudformation deploy` takes.

.chalice/resources.json ─┐                        ┌─► lay out app and libraries ─► compile ─┐
.chalice/functions.json ─┼─► one template of ours ┤                                         ├─► chalice package ─┐
watching.py ─────────────┘                        └─────────────────────────────────────────┘                    │
out/<stage>/{sam.json, deployment.zip} ◄── one greedy path ◄──┘
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.deploy.bundle import ROOT, lay_out
from local.deploy.dashboard import dashboard
from local.deploy.front_path import with_front_path
from local.deploy.outputs import outputs
from local.deploy.watching import watching
from local.template import read_template


def merge_template(stage: str) -> dict[str, Any]:
    """Answer all that our template says beyond what Chalice writes by itself."""
    template = read_template()
    template["Parameters"]["Env"]["Default"] = stage
    watched = watching(template)
    template["Parameters"] |= watched["Parameters"]
    template["Conditions"] |= watched["Conditions"]
    template["Resources"] |= watched["Resources"] | {"Dashboard": dashboard(template)}
    template["Outputs"] = outputs(template)
    return template


def package(stage: str, out: Path, lay_out: Callable[[Path], None] = lay_out) -> None:
    """Write the bundle and its template, both made anew; a bundle holds what `lay_out` lays out."""
    shutil.rmtree(out, ignore_errors=True)
    project = out / "project"
    project.mkdir(parents=True)
    lay_out(project)
    merged = out / "merge.json"
    merged.write_text(json.dumps(merge_template(stage), indent=1))
    chalice(project, "package", "--stage", stage, "--merge-template", str(merged.resolve()), str(out.resolve()))
    sam = out / "sam.json"
    sam.write_text(json.dumps(with_front_path(json.loads(sam.read_text())), indent=1))
    shutil.rmtree(project)
    merged.unlink()


def chalice(project: Path, *words: str) -> None:
    """Run Chalice on a project, the way that leaves no account in what it writes."""
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}  # noqa: TID251 - the caller's, for a command
    command = [str(Path(sys.executable).with_name("chalice")), "--project-dir", str(project), *words]
    subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own words


if __name__ == "__main__":
    package(sys.argv[1], ROOT / "out" / sys.argv[1])
