"""Import everything in requirements.in.

Some packages refuse each other only when imported, which `pip check` cannot see.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.in"

# Modules that are not called after their distribution.
MODULES = {
    "pytest-xdist": "xdist",
    "pyyaml": "yaml",
    "selectolax": "selectolax.lexbor",
    "markdown-it-py": "markdown_it",
    "unbabel-comet": "comet",
    "ve-fairseq": "fairseq",
    "pyarrow": "pyarrow.parquet",
}


def module_names(requirements: str) -> list[str]:
    """The module of each distribution pinned in `requirements`, in order."""
    names = re.findall(r"^([A-Za-z0-9._-]+)==", requirements, flags=re.MULTILINE)
    return [MODULES.get(name.lower(), name.lower().replace("-", "_")) for name in names]


def main() -> None:
    failures = []
    for name in module_names(REQUIREMENTS.read_text(encoding="utf-8")):
        try:
            importlib.import_module(name)
        except Exception as error:
            failures.append(f"{name} cannot be imported: {type(error).__name__}: {error}")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
