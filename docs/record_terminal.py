"""Renders a command's real output as an SVG terminal: `COMMAND | python docs/record_terminal.py TITLE OUT.svg`."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console

REMOTE_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Rich names a font on somebody's server; the reader's own monospace font will do."""


def main(title: str, out: Path) -> None:
    """Read lines from standard input, write the picture."""
    console = Console(record=True, width=96, file=io.StringIO(), highlight=False)
    console.print(f"[bold green]$[/] [bold]{title}[/]")
    for line in sys.stdin:
        console.print(line.rstrip("\n"), markup=False)
    picture = console.export_svg(title="passerby")
    out.write_text(REMOTE_FONT.sub("", picture))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
