"""The hand-off store: extractions on any machine leave complete landings in it, and the one loader takes them.

<url>/<organization's name>/<run_id>/…        the files of a landing; read.json is stored last and completes it
<url>/<organization's name>/failure.json      the error of an extraction that failed
"""

import json
import shutil
from datetime import timedelta
from pathlib import Path

from landing.folder import Landing, open_landing
from landing.object_store import ObjectStore
from landing.run_facts import READ_FILE, RUN_FILE, RunFacts

FAILURE_FILE = "failure.json"


class HandOffStore:
    """Landings on their way from the machine that read them to the machine that loads them."""

    def __init__(self, url: str) -> None:
        """`url` is a folder (file:///…) or an object store (s3://, gs://, az://) that all machines can reach."""
        self.url = url
        self._store = ObjectStore(url)

    def put(self, name: str, landing: Landing) -> None:
        """Store a complete landing for the loader, in place of the error of an earlier extraction."""
        self._store.put_folder(f"{name}/{landing.facts.run_id}", landing.folder, marker=READ_FILE)
        self.take_failure(name)

    def list_runs(self, name: str) -> list[str]:
        """Return the run ids of the complete landings of an organization, oldest first."""
        return self._store.list_folders(name, marker=READ_FILE)

    def find_reusable(self, name: str, facts: RunFacts, *, max_age: timedelta) -> str | None:
        """Return the newest stored run that the run in `facts` may reuse instead of reading, or None."""
        for run_id in reversed(self.list_runs(name)):
            stored = RunFacts.parse(self._store.read(f"{name}/{run_id}/{RUN_FILE}") or b"")
            if stored is not None and stored.is_resumable_by(facts, max_age):
                return run_id
        return None

    def fetch(self, name: str, run_id: str, root: Path) -> Landing:
        """Copy the landing into a folder of its own under `root`, and return it."""
        folder = root / run_id
        if not (folder / READ_FILE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            self._store.fetch_folder(f"{name}/{run_id}", folder, marker=READ_FILE)
        return open_landing(folder)

    def put_failure(self, name: str, exit_code: int, error: str) -> None:
        """Store the error of a failed extraction for the loader."""
        content = json.dumps({"exit_code": exit_code, "error": error})
        self._store.put_bytes(f"{name}/{FAILURE_FILE}", content.encode())

    def take_failure(self, name: str) -> tuple[int, str] | None:
        """Return the exit code and the error of a failed extraction, and remove them; None without a failure."""
        content = self._store.read(f"{name}/{FAILURE_FILE}")
        if content is None:
            return None
        self._store.remove([f"{name}/{FAILURE_FILE}"])
        failure = json.loads(content)
        return int(failure["exit_code"]), str(failure["error"])

    def remove(self, name: str) -> None:
        """Remove all landings of the organization: they hold personal data, and were loaded or refused."""
        for run_id in self._store.list_folders(name):
            self._store.remove_folder(f"{name}/{run_id}", marker=READ_FILE)

    def remove_all(self) -> None:
        """Remove the landings and the errors of all organizations. They are read again."""
        for name in self._store.list_folders(""):
            self.remove(name)
            self._store.remove([f"{name}/{FAILURE_FILE}"])
