"""The files by which Prefect finds the deployments and the alarms, from a checkout or from the installed package.

This module imports no Prefect, so that the files are written without its server.
"""

import re
from pathlib import Path

from flows.settings.errors import ConfigurationError
from landing.files import write_atomically

NAMES = ("prefect.yaml", "automations.yaml")

_ENTRY_POINT = re.compile(r"entrypoint: flows/(\w+)\.py:")


def write_project_files(folder: Path, *, replaces: bool) -> list[Path]:
    """Write the files to `folder`, which is created, and return their paths.

    The entry points become those of the installed modules. Raise `ConfigurationError` if a file exists and `replaces`
    is false, or if the folder cannot be written.
    """
    paths = [folder / name for name in NAMES]
    if not replaces and (existing := [str(path) for path in paths if path.exists()]):
        message = f"{' and '.join(existing)} exist; add --force to replace them. Nothing was written"
        raise ConfigurationError(message)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            text = _ENTRY_POINT.sub(r"entrypoint: flows.\1:", _find(path.name).read_text(encoding="utf-8"))
            with write_atomically(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"can't write {folder}: {error}; choose a folder that you may write"
        raise ConfigurationError(message) from error
    return paths


def _find(name: str) -> Path:
    """Return the file in the installed package, or in the checkout that an editable installation uses."""
    packaged = Path(__file__).parent / "files" / name
    return packaged if packaged.exists() else Path(__file__).parents[2] / name
