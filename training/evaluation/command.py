"""`passerby evaluate`: how good networks are on labelled photographs."""

from __future__ import annotations

import typer

from edge.terminal.interrupt import interruptible
from training.evaluation.attributes import adience_command
from training.evaluation.attributes import command as attributes_command
from training.evaluation.calibrate import command as calibrate_command
from training.evaluation.detection import command as detection_command
from training.evaluation.gate import command as gate_command
from training.evaluation.pose import command as pose_command
from training.evaluation.visits import command as visits_command

app = typer.Typer(help="How good networks are on labelled photographs.", no_args_is_help=True, rich_markup_mode=None)
app.command("attributes")(interruptible(attributes_command.attributes))
app.command("detection")(interruptible(detection_command.detection))
app.command("pose")(interruptible(pose_command.pose))
app.command("gate")(interruptible(gate_command.gate))
app.command("adience")(interruptible(adience_command.adience))
app.command("calibrate")(interruptible(calibrate_command.calibrate))
app.command("visits")(interruptible(visits_command.visits))
