"""Flags that the commands of `passerby evaluate` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Images = Annotated[
    list[str],
    typer.Option("--images", metavar="TAR|FOLDER", help="Photographs; repeat for more, each with --labels."),
]
Labels = Annotated[
    list[Path] | None,
    typer.Option("--labels", metavar="CSV", help="Their labels: path, age, gender, group, person. Without this, the "
                 "labels are read from the form of the set (see docs/evaluation.md)."),
]  # fmt: skip
ModelSets = Annotated[list[str] | None, typer.Option("--model-set", help="Model set; repeat for more.")]
Networks = Annotated[
    list[str] | None, typer.Option("--network", metavar="ID", help="A single attribute network; needs --aligned.")
]
IsAligned = Annotated[bool, typer.Option("--aligned", help="Each whole picture is one aligned face.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Take this many photographs, evenly from each set.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs: one JSON object on stdout.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
