"""Start the services of compose.yaml on a machine without a container engine, and run the nightly sync in them.

buildah build --isolation chroot --format docker --tag calcom-ooo-warehouse .
.venv/bin/python -m tests.support.compose

Each service runs its command with its environment and its volume in the root file system of the image, as the user
of the image, in the order of its dependencies and after the health checks of the services that it needs. PostgreSQL
is Debian's, because no registry is needed for it. The script needs root, buildah and the package `postgresql`, and
the ports 4200 and 5432. Read-only file systems, capabilities and restarts need a container engine.
"""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from calcom.simulator import OWNER_KEY, Simulator, World, serve

ROOT = Path(__file__).parents[2]
IMAGE = "localhost/calcom-ooo-warehouse"
USER = 10001
POSTGRESQL = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path())


class Composition:
    """The services of compose.yaml, with the values of its variables."""

    def __init__(self, folder: Path, variables: dict[str, str], env_file: dict[str, str]) -> None:
        """Read the file, and create a container of the image that reaches all services on this machine."""
        text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
        text = re.sub(r"\$\{(\w+)[^}]*\}", lambda match: variables[match[1]], text)
        self.services: dict[str, Any] = yaml.safe_load(text)["services"]
        self.folder, self.env_file = folder, env_file
        hosts = [f"--add-host={name}:127.0.0.1" for name in self.services]
        self.container = output("buildah", "from", *hosts, IMAGE)

    def command(self, name: str, *instead: str) -> list[str]:
        """Return the command of the service, or another one in its place."""
        service = self.services[name]
        environment = service.get("environment", {}) | (self.env_file if "env_file" in service else {})
        options = [f"--env={key}={value}" for key, value in environment.items()]
        for volume in service.get("volumes", []):
            source, _, target = volume.partition(":")
            place = self.folder / source
            place.mkdir(exist_ok=True)
            os.chown(place, USER, USER)
            options.append(f"--volume={place}:{target}")
        words = instead or (*service["entrypoint"], *service["command"])
        return ["buildah", "run", "--isolation", "chroot", *options, self.container, "--", *words]

    def wait_until_healthy(self, name: str) -> None:
        """Run the health check of the service until it succeeds."""
        kind, *test = self.services[name]["healthcheck"]["test"]
        is_shell = kind == "CMD-SHELL"  # that of PostgreSQL, which runs outside of the image
        command = [f"{POSTGRESQL}/{test[0]} --host 127.0.0.1"] if is_shell else self.command(name, *test)
        deadline = time.monotonic() + 120
        while subprocess.run(command, shell=is_shell, capture_output=True, check=False).returncode:
            if time.monotonic() > deadline:
                raise TimeoutError(name)
            time.sleep(2)
        print(f"{name}: healthy", flush=True)


def read_health_check() -> list[str]:
    """Return the command of the image's health check."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    instruction = re.search(r"HEALTHCHECK[^\[]*CMD (\[.*\])", text)
    assert instruction is not None
    command: list[str] = json.loads(instruction[1])
    return command


def output(*command: str) -> str:
    """Run the command and return its output. Raise `CalledProcessError` if it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def running(name: str, command: list[str], folder: Path) -> Iterator[None]:
    """Run the command for the block, and end it with SIGTERM. Print its log if it ended by itself."""
    path = folder / f"{name}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(command, start_new_session=True, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            if process.poll() is not None:
                print(f"{name}: ended with {process.returncode}", path.read_text(), sep="\n", flush=True)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            print(f"{name}: stopped with {process.wait(120)}", flush=True)


@contextlib.contextmanager
def running_database(folder: Path, service: dict[str, Any]) -> Iterator[None]:
    """Run PostgreSQL with the user, the password and the database of the service."""
    environment = service["environment"]
    user, data = environment["POSTGRES_USER"], folder / "database"
    password = folder / "password"
    password.write_text(environment["POSTGRES_PASSWORD"])
    data.mkdir()
    for path in (password, data):
        os.chown(path, _postgres_id(), -1)
    own = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    output(
        *own,
        f"{POSTGRESQL}/initdb",
        f"--username={user}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        str(data),
    )
    database = [*own, f"{POSTGRESQL}/postgres", "-D", str(data), "-c", f"unix_socket_directories={data}"]
    with running("database", database, folder):
        yield


def create_database(environment: dict[str, str]) -> None:
    """Create the database of the service, as its image does at the first start."""
    os.environ["PGPASSWORD"] = environment["POSTGRES_PASSWORD"]
    name, user = environment["POSTGRES_DB"], environment["POSTGRES_USER"]
    output(f"{POSTGRESQL}/createdb", "--host=127.0.0.1", f"--username={user}", name)


def _postgres_id() -> int:
    return int(output("id", "--user", "postgres"))


def main() -> None:
    """Start the services, run the nightly deployment in them, and run the health check of the image."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)
        source = stack.enter_context(serve(Simulator(World.generate(people=20), limits=None)))
        composition = Composition(
            folder,
            {"POSTGRES_PASSWORD": secrets.token_hex(24)},
            {"CALCOM_API_URL": source.url, "CALCOM_API_KEY": OWNER_KEY},
        )
        stack.callback(output, "buildah", "rm", composition.container)
        stack.enter_context(running_database(folder, composition.services["database"]))
        composition.wait_until_healthy("database")
        create_database(composition.services["database"]["environment"])
        stack.enter_context(running("server", composition.command("server"), folder))
        composition.wait_until_healthy("server")
        print(output(*composition.command("deploy")), flush=True)
        stack.enter_context(running("worker", composition.command("worker"), folder))
        nightly = ("prefect", "deployment", "run", "sync/nightly-sync", "--watch", "--watch-timeout", "600")
        print(output(*composition.command("deploy", *nightly)), flush=True)
        check = read_health_check()
        print(" ".join(check), output(*composition.command("worker", *check)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
