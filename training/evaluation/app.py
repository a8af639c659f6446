"""`passerby evaluate`: how good networks are on labelled photographs."""

from __future__ import annotations

import typer

from training.evaluation import adience_command, attributes_command, calibrate_command

app = typer.Typer(help="How good networks are on labelled photographs.", no_args_is_help=True, rich_markup_mode=None)
app.command("attributes")(attributes_command.attributes)
app.command("adience")(adience_command.adience)
app.command("calibrate")(calibrate_command.calibrate)
