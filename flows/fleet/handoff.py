"""The exchange: where extraction, on any machine, leaves whole landings, and the one loader takes them.

<url>/<organization's name>/<run_id>/…     a landing's files; read.json, which goes last, makes it whole
"""

import json
import shutil
from datetime import datetime
from pathlib import Path

from flows.run.landed import READ_FILE
from flows.settings import Settings
from landing.catalog import open_landing
from landing.folder import Landing
from landing.object_store import ObjectStore


class HandOffStore:
    """Landings on their way from where they were read to where they are loaded."""

    def __init__(self, url: str) -> None:
        """`url` is a folder (file:///…) or object storage (s3://, gs://, az://) that all machines reach."""
        self.url = url
        self._objects = ObjectStore(url)

    def offer(self, name: str, landing: Landing) -> None:
        """The landing is there, whole, for the loader to take."""
        self._objects.put_folder(f"{name}/{landing.facts.run_id}", landing.folder, marker=READ_FILE)

    def offered(self, name: str) -> list[str]:
        """The runs whose landings wait to be loaded, oldest first."""
        return self._objects.list_folders(name, marker=READ_FILE)

    def find_fresh(self, name: str, settings: Settings, *, strategy: str, now: datetime) -> str | None:
        """The newest waiting run that read what `settings` would read, if a killed run may be so old."""
        wanted = {
            "api_url": settings.api_url,
            "organization_id": settings.organization_id,
            "strategy": strategy,
            "page_size": settings.page_size,
            "keeps_notes": settings.keeps_notes,
        }
        for run_id in reversed(self.offered(name)):
            told = json.loads(self._objects.read(f"{name}/{run_id}/run.json") or b"{}")
            age = now - datetime.fromisoformat(told.get("started_at", "0001-01-01"))
            if age <= settings.resume_within and all(
                told.get(key) == value for key, value in wanted.items() if value is not None
            ):
                return run_id
        return None

    def fetch(self, name: str, run_id: str, root: Path) -> Landing:
        """The landing is in a folder of its own under `root`; still in the exchange, too."""
        folder = root / run_id
        if not (folder / READ_FILE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            self._objects.fetch_folder(f"{name}/{run_id}", folder, marker=READ_FILE)
        return open_landing(folder)

    def withdraw(self, name: str) -> None:
        """No landing of the organization is left: they hold people's data, and are loaded or refused."""
        for run_id in self._objects.list_folders(name):
            self._objects.remove_folder(f"{name}/{run_id}", marker=READ_FILE)
