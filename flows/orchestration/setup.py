"""Set up a Prefect server for the deployments: the work pool, its queues and the alarms, as often as wanted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import PREFECT_API_URL

from flows.settings.errors import ConfigurationError

POOL = "ooo"
QUEUES = ("warehouse", "organizations")
FORMER_AUTOMATIONS = ("a sync ended as failed, crashed or partial",)
"""The names of automations of earlier versions that this version replaces by others."""

_PAGE = 200
"""The largest number of objects that the server returns per request."""


@dataclass(frozen=True)
class PrefectSetup:
    """The changes that a set-up made on the server, one text for each."""

    changes: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return the changes as JSON types."""
        return {"changes": self.changes}

    def as_text(self) -> str:
        """Return the changes as text for a terminal."""
        return "\n".join(self.changes or ["nothing to change: the server is set up already"])


def set_up_prefect(automations_file: Path) -> PrefectSetup:
    """Create the missing objects on the Prefect server of the environment, and update the objects that differ.

    Creates the work pool and its queues, removes the concurrency limits that earlier versions set on queues and
    deployments, and creates or updates each automation of the file by its name. Raises `ConfigurationError` if the
    file is not readable, or if the server does not respond.
    """
    automations = _read_automations(automations_file)
    if not PREFECT_API_URL.value():
        message = "PREFECT_API_URL is not set; set it to the server's API, such as http://127.0.0.1:4200/api"
        raise ConfigurationError(message)
    try:
        with get_client(sync_client=True) as client:
            server = _Server(client)
            server.set_up_pool()
            server.remove_limits()
            server.apply_automations(automations)
            return PrefectSetup(server.changes)
    except (httpx.HTTPError, RuntimeError) as error:
        message = (
            f"the Prefect server can't be set up: {error}; check PREFECT_API_URL and that the server runs"
        )
        raise ConfigurationError(message) from error


def _read_automations(path: Path) -> list[dict[str, Any]]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [dict(automation) for automation in document["automations"]]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        message = f"can't read the automations in {path}: {error}; name the file, or run in its folder"
        raise ConfigurationError(message) from error


class _Server:
    """The REST API of a Prefect server, and the changes made so far."""

    def __init__(self, client: SyncPrefectClient) -> None:
        self._client = client
        self.changes: list[str] = []

    def set_up_pool(self) -> None:
        """Create the process pool and its queues, if they are missing."""
        from prefect.workers.process import ProcessWorker  # noqa: PLC0415 - takes a second to load

        if self._find(f"/work_pools/{POOL}") is None:
            template = ProcessWorker.get_default_base_job_template()
            self._send("POST", "/work_pools/", name=POOL, type="process", base_job_template=template)
            self.changes.append(f"created the work pool {POOL}")
        for queue in QUEUES:
            if self._find(f"/work_pools/{POOL}/queues/{queue}") is None:
                self._send("POST", f"/work_pools/{POOL}/queues", name=queue)
                self.changes.append(f"created the work queue {queue}")

    def remove_limits(self) -> None:
        """Remove the limits of earlier versions: the lock of the data folder replaces them."""
        for queue in QUEUES:
            if self._send("GET", f"/work_pools/{POOL}/queues/{queue}")["concurrency_limit"] is not None:
                self._send("PATCH", f"/work_pools/{POOL}/queues/{queue}", concurrency_limit=None)
                self.changes.append(f"removed the concurrency limit of the work queue {queue}")
        pool = {"name": {"any_": [POOL]}}
        for deployment in self._list("/deployments/filter", work_pools=pool):
            if deployment.get("global_concurrency_limit") is not None:
                self._send("PATCH", f"/deployments/{deployment['id']}", concurrency_limit=None)
                self.changes.append(f"removed the concurrency limit of the deployment {deployment['name']}")

    def apply_automations(self, automations: list[dict[str, Any]]) -> None:
        """Create each automation, or update the one with its name; remove doubles, and those of earlier versions."""
        present = self._list("/automations/filter")
        for former in present:
            if former["name"] in FORMER_AUTOMATIONS:
                self._send("DELETE", f"/automations/{former['id']}")
                self.changes.append(f"removed the automation {former['name']!r} of an earlier version")
        for automation in automations:
            same = [stored for stored in present if stored["name"] == automation["name"]]
            if not same:
                self._send("POST", "/automations/", **automation)
                self.changes.append(f"created the automation {automation['name']!r}")
                continue
            first, *doubles = same
            if not _has_all(first, automation):
                self._send("PUT", f"/automations/{first['id']}", **automation)
                self.changes.append(f"updated the automation {automation['name']!r}")
            for double in doubles:
                self._send("DELETE", f"/automations/{double['id']}")
                self.changes.append(f"removed a second automation {automation['name']!r}")

    def _list(self, path: str, **filters: Any) -> list[dict[str, Any]]:
        objects: list[dict[str, Any]] = []
        while page := self._send("POST", path, limit=_PAGE, offset=len(objects), **filters):
            objects += page
        return objects

    def _find(self, path: str) -> Any:
        try:
            return self._send("GET", path)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            return None

    def _send(self, method: str, path: str, **body: Any) -> Any:
        content = {} if method in ("GET", "DELETE") else {"json": body}
        response = self._client.request(method, path, **content)  # type: ignore[arg-type]  # typed by literals
        return response.json() if response.content else None


def _has_all(stored: Any, expected: Any) -> bool:
    """Return True if `stored` has every value of `expected`; the server adds fields of its own, and sorts sets."""
    if isinstance(expected, dict):
        return isinstance(stored, dict) and all(
            _has_all(stored.get(key), value) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(stored, list) and len(expected) == len(stored):
        if all(isinstance(value, str) for value in [*expected, *stored]):
            return sorted(expected) == sorted(stored)
        return all(map(_has_all, stored, expected))
    return stored in (expected, [expected])
