"""`passerby report`: visit events as plots for people who look rather than read."""

from __future__ import annotations

import typer

app = typer.Typer(help="Visit events as plots.", rich_markup_mode=None)
