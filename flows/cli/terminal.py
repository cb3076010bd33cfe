"""Writing to what stdout happens to be: a terminal, a pipe that closes early, or no Unicode at all."""

import json
import os
import sys
from typing import Any, Protocol

import click


def draws_lines() -> bool:
    """True if stdout can show the characters that tables are drawn with."""
    try:
        "┌─┆".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def survive_narrow_encodings() -> None:
    """What a terminal's encoding lacks is written as a question mark instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def write_data(text: str) -> None:
    """`text`, meant for another program, is on stdout in UTF-8, whatever the terminal's encoding."""
    click.echo(text.encode())


def close_quietly() -> None:
    """Nothing more is written to a pipe that its reader has closed, not even by the interpreter at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Summary(Protocol):
    """What became of something, for a program and for a person."""

    def as_json(self) -> dict[str, Any]:
        """As JSON types."""

    def as_text(self) -> str:
        """As lines of text."""


def write_summary(summary: Summary, *, as_json: bool) -> None:
    """`summary` is on stdout: one JSON object, or text."""
    click.echo(json.dumps(summary.as_json(), indent=2) if as_json else summary.as_text())
