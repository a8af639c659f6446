"""`passerby report`: visit events drawn as plots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import UsageError, explain

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def report(
    events: Annotated[list[str], typer.Argument(metavar="EVENTS", help="JSON Lines, CSV or SQLite files; - is stdin.")],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write report.html and the plots as PNG here.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Time zone of the hours, such as Europe/Berlin.")] = "UTC",
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="Groups of fewer visits are marked.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the numbers as one JSON object.")] = False,
) -> None:
    """Draw who came, when, and for how long, from visit events.

    Examples:
      passerby report events.jsonl --out report --timezone Europe/Berlin
      mosquitto_sub -t 'passerby/#' -W 3600 | passerby report - --out report
      passerby report /var/lib/passerby/outbox.sqlite3 --json

    Exit codes:
      3  matplotlib is not installed, which --out needs
    """
    from edge.workbench.pages.printing import warn
    from edge.workbench.report.counting import distribute
    from edge.workbench.report.reading import read_events

    zone = _zone(timezone)
    if out is None and not as_json:
        raise UsageError(explain("nowhere to write the report", expected="--out FOLDER, or --json"))
    log = read_events(events)
    found = distribute(log.visits, zone, k)
    if out is not None:
        from edge.workbench.report.report import notes, write_report

        written = write_report(out, log, found, zone=timezone, k=k)
        warn(notes(log, found))
        typer.echo(f"{len(log.visits):,} visits: {written[-1]}", err=as_json)
    else:
        warn(log.warnings)
    if as_json:
        from edge.workbench.pages.printing import print_json
        from edge.workbench.report.records import to_report

        print_json(to_report(log, found, timezone, k))


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        expected = "a name of the time zone database, such as Europe/Berlin"
        raise UsageError(explain("no such time zone", where="--timezone", got=name, expected=expected)) from error
