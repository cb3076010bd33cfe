"""A group whose commands are listed without being imported: what one command needs does not slow another."""

from importlib import import_module

import click


class LazyCommand(click.Command):
    """A command as the group's help lists it; the command itself is in `module`, under its own name."""

    def __init__(self, name: str, module: str, summary: str) -> None:
        """`summary` is the first sentence of the command's own help."""
        super().__init__(name, help=summary)
        self.command_name, self.module = name, module

    def load(self) -> click.Command:
        """The command itself."""
        command: click.Command = getattr(import_module(self.module), self.command_name.replace("-", "_"))
        return command


class LazyGroup(click.Group):
    """Lists its commands as they are; the one that is called, or completed, is imported then."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest
