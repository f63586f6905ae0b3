"""Resolve requirements.txt for Lambda, and write what came of it into requirements.lock: `make lock`."""

import tempfile
from importlib.metadata import distributions
from pathlib import Path

from local.deploy.bundle import LOCK, ROOT, install

HEAD = "# What `make package` puts into the bundle: requirements.txt, resolved. `make lock` writes it anew.\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as there:
        install(Path(there), "--requirement", str(ROOT / "requirements.txt"))
        found = sorted(f"{it.name.lower().replace('_', '-')}=={it.version}" for it in distributions(path=[there]))
    LOCK.write_text(HEAD + "".join(f"{line}\n" for line in found))


if __name__ == "__main__":
    main()
