"""The report on visits: plots, and one page that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from edge.files import write_folder
from edge.workbench.pages.page import Note, Part, Plot, Rows, Section, Tiles, render_page
from edge.workbench.report.charts import (
    draw_hours,
    draw_looked,
    draw_people,
    draw_times_by_band,
    draw_times_by_hour,
    draw_week,
)
from edge.workbench.report.counting import GENDERS, Distribution
from edge.workbench.report.reading import EventLog
from edge.workbench.report.visits import UNKNOWN, Visit

PAGE = "report.html"
WEEK = 3
"""Days from which the weekdays are drawn."""


def write_report(folder: Path, log: EventLog, found: Distribution, *, zone: str, k: int) -> list[Path]:
    """Write `report.html` and each plot as PNG; returns what was written. Raises UsageError where that cannot be."""
    plots = draw(found, zone, k)
    page = render_page("Visits", _lead(log, zone), [_head(log, found), *_sections(plots), _numbers(found, k)])
    files = {f"{name}.png": plot.png for name, plot in plots.items()} | {PAGE: page.encode()}
    write_folder(folder, files)
    return [folder / name for name in files]


def draw(found: Distribution, zone: str, k: int) -> dict[str, Plot]:
    """Every plot by the name of its file."""
    plots = {
        "people": draw_people(found, k),
        "looked": draw_looked(found, k),
        "hours": draw_hours(found, zone, k),
        "week": draw_week(found, zone, k) if found.days >= WEEK else None,
        "times-by-hour": draw_times_by_hour(found, zone, k),
        "times-by-age": draw_times_by_band(found, k),
    }
    return {name: plot for name, plot in plots.items() if plot is not None}


def notes(log: EventLog, found: Distribution) -> list[str]:
    """What a reader of the plots must know, one line each."""
    played = sum(visit.historical for visit in log.visits)
    unsure = sum(not visit.clock_synced for visit in log.visits)
    lines = [*log.warnings]
    if played:
        lines.append(
            f"{played:,} visits are of clips: their times are when the clip was played, not when it was filmed"
        )
    if unsure:
        lines.append(f"{unsure:,} visits were reported while the device's clock was not set: their hours may be wrong")
    if found.other_taxonomies:
        lines.append(f"{found.other_taxonomies:,} visits are in another taxonomy: they are in no plot of ages")
    return lines


def tiles(visits: Sequence[Visit], found: Distribution) -> list[tuple[str, str]]:
    """The large numbers at the top."""
    watchers = [visit for visit in visits if visit.attention_s > 0]
    dwell = float(np.median([visit.dwell_s for visit in visits]))
    looked = float(np.median([visit.attention_s for visit in watchers])) if watchers else 0.0
    return [
        (f"{len(visits):,}", "visits"),
        (f"{len(visits) / found.days:,.0f}", f"a day, over {found.days} {'day' if found.days == 1 else 'days'}"),
        (_share(len(watchers), len(visits)), "attentive to the screen"),
        (f"{dwell:.1f} s", "median stay"),
        (f"{looked:.1f} s", "median attention, of those with any"),
        (_share(sum(visit.gender.label == UNKNOWN for visit in visits), len(visits)), "gender unknown"),
        (_share(sum(visit.age.bracket == UNKNOWN for visit in visits), len(visits)), "age unknown"),
    ]


def people_table(found: Distribution, k: int) -> Rows:
    """Visits by band and gender; small cells are marked."""
    named = [*zip(found.bands, found.counts, strict=True), ("all", found.counts.sum(axis=0))]
    rows = [(name, *(_cell(int(count), k) for count in (*counts, counts.sum()))) for name, counts in named]
    return Rows(f"Visits by apparent age ({found.taxonomy}) and gender", ("age", *GENDERS, "all"), rows)


def _lead(log: EventLog, zone: str) -> str:
    places = sorted({f"{visit.site}/{visit.device}" for visit in log.visits if visit.device})
    first, last = (log.visits[index].began.astimezone(ZoneInfo(zone)).date() for index in (0, -1))
    where = f"{', '.join(places[:4])}{' and others' if len(places) > 4 else ''}: " if places else ""
    return f"{where}from {first} to {last}, hours in {zone}. A visit is a face that came, stayed and left."


def _head(log: EventLog, found: Distribution) -> Section:
    lines: list[Part] = [Note(line) for line in notes(log, found)]
    doubles = f"Left out because they came twice: {log.doubles:,}." if log.doubles else ""
    return Section("", [Tiles(tiles(log.visits, found)), *lines, *([doubles] if doubles else [])])


def _sections(plots: dict[str, Plot]) -> list[Section]:
    titles = {
        "Who": ("people", "looked"),
        "When": ("hours", "week"),
        "How long": ("times-by-hour", "times-by-age"),
    }
    return [Section(title, [plots[name] for name in names if name in plots]) for title, names in titles.items()]


def _numbers(found: Distribution, k: int) -> Section:
    small = int(np.count_nonzero((found.counts > 0) & (found.counts < k)))
    text = "Age and gender are apparent, as the sensor takes them; `unknown` is what it was not sure of, and whatever "
    text += "the device's privacy settings withhold, such as the gender of children."
    marked = f"* {small} cells hold fewer than {k} visits: too few for a statement, and they may point at a person."
    return Section("Numbers", [people_table(found, k), *([marked] if small else []), text])


def _cell(count: int, k: int) -> str:
    return f"{count:,} *" if 0 < count < k else f"{count:,}"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}".replace("%", " %")
