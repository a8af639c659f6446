"""`passerby evaluate`: how good networks are on labelled photographs."""

from __future__ import annotations

from edge.terminal.commands import NETWORKS, Command, commands

ATTRIBUTES = """

Examples:
  passerby evaluate attributes --images faces.tar --labels faces.csv
  passerby evaluate attributes --images faces.tar --html report.html
  passerby evaluate attributes --images faces.tar --require 'mae_years<=5.2'

Exit codes:
  1  a bar of --require is missed
"""
DETECTION = """

Examples:
  passerby evaluate detection --boxes wider.tar --detector nano --detector best
  passerby evaluate detection --clip clip.mp4 --require 'ap50@double>=0.93'

Exit codes:
  1  a bar of --require is missed
"""

app = commands(
    """Measure how good networks are on labelled photographs.

    Examples:
      passerby evaluate attributes --images faces.tar --model-set best
      passerby evaluate detection --boxes wider.tar --detector nano
    """,
    Command(
        "attributes",
        "Age and gender on labelled faces.",
        "training.evaluation.attributes.command:attributes",
        more=ATTRIBUTES,
    ),
    Command(
        "detection",
        "Detectors on labelled faces and on clips.",
        "training.evaluation.detection.command:detection",
        more=DETECTION,
    ),
    Command("pose", "Yaw and pitch against a network's.", "training.evaluation.pose.command:pose"),
    Command("gate", "Whether quality and cover predict errors.", "training.evaluation.gate.command:gate"),
    Command("adience", "The five-fold protocol of Adience.", "training.evaluation.attributes.adience_command:adience"),
    Command("calibrate", "Fit what a network's scores mean.", "training.evaluation.calibrate.command:calibrate"),
    Command("visits", "Fused looks against single ones.", "training.evaluation.visits.command:visits"),
    Command("scene", "Draw a crowd whose truth is known.", "training.evaluation.scene.command:scene"),
    Command("counts", "Visits of clips against the truth.", "training.evaluation.counts.command:counts"),
    exits={"3": "a network's files or a package is not there", "130": "ended by Ctrl-C"},
)
COMMAND = Command("evaluate", "Measure how good networks are on labelled photographs.", app, NETWORKS)
