"""`secretariat run`: everything up, a way in for the first administrator, until Ctrl-C."""

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from secretariat.platform.cli.weights import pull
from secretariat.platform.composition import SettingMissingError
from secretariat.platform.db import bootstrap
from secretariat.platform.demo.installation import sign_in_link
from secretariat.platform.embedded.checks import ensure_secret
from secretariat.platform.embedded.errors import StackError
from secretariat.platform.settings import Settings
from secretariat.platform.supervisor import Stack


def prepare() -> None:
    """Exit code 2 with the reason when something is missing."""
    settings = Settings()
    if settings.database_owner_url is None:
        Console(stderr=True).print(
            "[red]DATABASE_OWNER_URL is not set; migrations run as the tables' owner.[/red]"
        )
        raise typer.Exit(2)
    ensure_secret(settings.master_key_path)
    ensure_secret(settings.model_token_path)
    if pull([]) != 0:
        raise typer.Exit(2)
    bootstrap.migrate(settings.database_owner_url)


def print_link() -> None:
    """Exit code 2 with the reason when there is nothing to sign in to."""
    try:
        typer.echo(sign_in_link(Settings()))
    except (SettingMissingError, OSError, ValueError, SQLAlchemyError) as error:
        Console(stderr=True).print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(2) from error


def run() -> None:
    """Exit code 2 with the reason when the stack can't start or keep up."""
    out = Console(highlight=False)
    settings = Settings()
    stack = Stack(settings, out.print)
    stack.stop_on_signals()
    try:
        stack.start()
        link = sign_in_link(stack.reachable_settings())
        out.print(
            f"\nSecretariat is up at {settings.base_url}\n"
            f"API reference: {settings.base_url}/docs\n"
            f"First administrator, once, within 15 minutes: {link}\n\nCtrl-C stops everything.",
            soft_wrap=True,
        )
        stack.watch()
    except StackError as error:
        out.print(f"[red]{escape(str(error))}[/red]", soft_wrap=True)
        raise typer.Exit(2) from error
    finally:
        stack.stop()
