"""`manage.py adj stubs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from adj.stubgen.command import SUMMARY, CommandFailed, StubsCommand, add_arguments


class Command(BaseCommand):
    """The command with its subcommands."""

    help = "Tools of adj."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands."""
        commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
        add_arguments(commands.add_parser("stubs", help=SUMMARY, description=f"Stubs: {SUMMARY}."))

    def handle(self, *args: Any, check: bool, configure: bool, watch: bool, **options: Any) -> None:
        """Run the subcommand; there is only one."""
        try:
            StubsCommand(Path.cwd(), self.stdout.write).run(check=check, configure=configure, watch=watch)
        except CommandFailed as error:
            raise CommandError(str(error)) from None
