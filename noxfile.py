"""Test with every supported version of Python that is found: run `nox`, or `nox -s tests-3.12 -- FILE`."""

from pathlib import Path

import nox

nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True

LOCK = Path(__file__).with_name("requirements-dev.lock")


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Install the locked versions, and run the fast tests, or the tests that the arguments name."""
    session.install("--require-hashes", "--no-deps", "-r", str(LOCK))
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    session.run("python", "-m", "pytest", "-n", "2", *(session.posargs or ["-m", "not slow"]))
