"""Write to standard output, which may be a terminal, a pipe that closes early, or lack Unicode."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import click

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any] | click.Command)


class Summary(Protocol):
    """The result of a command, for a program and for a user."""

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON types."""

    def as_text(self) -> str:
        """Return the result as lines of text."""


def json_option(content: str) -> Callable[[_Decorated], _Decorated]:
    """Return the option `--json`, which prints one JSON value; `content` names it in the help."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print one JSON {content}.")


def write_summary(summary: Summary, *, as_json: bool) -> None:
    """Write `summary` as one JSON object or as text."""
    click.echo(json.dumps(summary.as_json(), indent=2) if as_json else summary.as_text())


def write_data(text: str) -> None:
    """Write `text`, which another program reads, in UTF-8 with any encoding of the terminal."""
    click.echo(text.encode())


def draws_lines() -> bool:
    """Return True if standard output can show the box-drawing characters of tables."""
    try:
        "┌─┆".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def replace_unknown_characters() -> None:
    """Replace characters that the terminal's encoding lacks by question marks, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def discard_output() -> None:
    """Discard further output to a closed pipe, also that of the interpreter at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
