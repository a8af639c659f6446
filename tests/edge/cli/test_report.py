"""`passerby report`: events from every kind of file, each counted once, and what is not there is said."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed (passerby[demo])")


import csv
import json
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import msgspec
import numpy as np
from click.testing import Result
from typer.testing import CliRunner

from edge.cli.app import build
from edge.errors import BadInput, UsageError
from edge.publisher.outbox.outbox_file import open_outbox_file
from edge.schemas.events import Visit as FullVisit
from edge.workbench.pages.page import Plot
from edge.workbench.report.charts import draw_hours, draw_week
from edge.workbench.report.counting import GENDERS, Distribution, distribute
from edge.workbench.report.reading import EventLog, count_missing, read_events
from edge.workbench.report.visits import Visit
from tests.edge.workbench.report.visits import lines, make_visits
from tests.training.sets import write_lines

pytestmark = pytest.mark.process


def report(*words: str | Path) -> Result:
    return CliRunner().invoke(build(), ["report", *map(str, words)])


def as_columns(visit: FullVisit) -> dict[str, object]:
    """Flat columns, inner keys after a dot."""
    flat: dict[str, object] = {}
    for name, value in msgspec.to_builtins(visit).items():
        inner = {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
        flat |= inner
    return flat


def write_csv(path: Path, visits: list[FullVisit]) -> Path:
    rows = [as_columns(visit) for visit in visits]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_outbox(path: Path, visits: list[FullVisit]) -> Path:
    database = open_outbox_file(path)
    for visit, line in zip(visits, lines(visits), strict=True):
        row = (visit.seq, visit.event_id, "visit", 0.0, 0.0, line.encode())
        database.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
    database.close()
    return path


def write_table(path: Path, visits: list[FullVisit]) -> Path:
    """A table with a column for each key, as an importer of MQTT events makes it."""
    rows = [{name.replace(".", "_"): value for name, value in as_columns(visit).items()} for visit in visits]
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE visits ({', '.join(rows[0])})")
        marks = ", ".join("?" * len(rows[0]))
        database.executemany(f"INSERT INTO visits VALUES ({marks})", [tuple(row.values()) for row in rows])
    database.close()
    return path


def test_every_kind_of_file_gives_the_same_numbers(tmp_path: Path) -> None:
    visits = make_visits(2)
    files = [
        write_lines(tmp_path / "events.jsonl", lines(visits)),
        write_lines(tmp_path / "topics.txt", [f"passerby/a/b/visit {line}" for line in lines(visits)]),
        write_csv(tmp_path / "events.csv", visits),
        write_outbox(tmp_path / "outbox.db", visits),
        write_table(tmp_path / "table.sqlite", visits),
    ]
    logs = [read_events([str(file)]) for file in files]
    assert [(len(log.visits), log.doubles, log.missing, log.bad) for log in logs] == [(len(visits), 0, 0, 0)] * 5
    first = distribute(logs[0].visits, timezone.utc, 5)
    for log in logs[1:]:
        other = distribute(log.visits, timezone.utc, 5)
        assert other.counts.tolist() == first.counts.tolist()
        assert other.by_week.tolist() == first.by_week.tolist()
        np.testing.assert_array_equal(other.dwell_by_hour.median, first.dwell_by_hour.median)
    together = read_events([str(file) for file in files])
    assert (len(together.visits), together.doubles) == (len(visits), 4 * len(visits))


@pytest.mark.parametrize("write", [write_csv, lambda path, visits: write_lines(path, lines(visits))])
def test_a_pipe_gives_all_its_events(tmp_path: Path, write: Callable[[Path, list[FullVisit]], Path]) -> None:
    visits = make_visits(1)
    content = write(tmp_path / "events", visits).read_bytes()
    assert len(content) > 20_000, "more than is looked at to tell the kind of file"
    log = through_pipe(content)
    assert (len(log.visits), log.bad) == (len(visits), 0)


def test_an_outbox_in_a_pipe_is_refused(tmp_path: Path) -> None:
    content = write_outbox(tmp_path / "outbox.db", make_visits(1)[:20]).read_bytes()
    with pytest.raises(BadInput, match="SQLite cannot be read from a pipe, expected a file"):
        through_pipe(content)


def through_pipe(content: bytes) -> EventLog:
    """What is read of a pipe into which somebody writes this."""
    reading, writing = os.pipe()
    try:
        with ThreadPoolExecutor(1) as writer, os.fdopen(writing, "wb") as pipe:
            writer.submit(lambda: pipe.write(content) and pipe.close())
            return read_events([f"/dev/fd/{reading}"])
    finally:
        os.close(reading)


def test_the_publishers_outbox_is_read_while_it_is_open_and_left_as_it_is(tmp_path: Path) -> None:
    visits = make_visits(1)
    file = write_outbox(tmp_path / "outbox.db", visits)
    before = file.read_bytes()
    writer = open_outbox_file(file)
    try:
        assert len(read_events([str(file)]).visits) == len(visits)
    finally:
        writer.close()
    assert file.read_bytes() == before


def test_an_outbox_with_its_log_where_nothing_can_be_written_is_not_read_in_part(tmp_path: Path) -> None:
    file = write_outbox(tmp_path / "outbox.db", make_visits(1))
    writer = open_outbox_file(file)
    writer.execute("UPDATE events SET due_s = 1")
    kept = tmp_path / "kept"
    kept.mkdir()
    for path in (file, tmp_path / "outbox.db-wal"):
        shutil.copy(path, kept)
    writer.close()
    (kept / "outbox.db-shm").symlink_to("nowhere")  # SQLite cannot write where it would
    with pytest.raises(BadInput, match=r"cannot be read with its outbox.db-wal; copy both files to a folder that you"):
        read_events([str(kept / "outbox.db")])
    (kept / "outbox.db-wal").write_bytes(b"")
    assert len(read_events([str(kept / "outbox.db")]).visits) == len(make_visits(1))


def test_counts_are_what_counting_by_hand_gives() -> None:
    visits = make_visits(3)
    plain = [msgspec.convert(msgspec.to_builtins(visit), Visit) for visit in visits]
    found = distribute(plain, timezone.utc, 5)
    by_hand = Counter((visit.age.bracket, visit.gender.label) for visit in visits)
    for band, row in zip(found.bands, found.counts.tolist(), strict=True):
        assert row == [by_hand[band, gender] for gender in GENDERS]
    assert found.counts.sum() == found.by_week.sum() == len(visits)
    assert found.by_hour.tolist() == [
        sum(int(v.started_at[11:13]) == hour for v in visits) for hour in range(24)
    ]  # fmt: skip
    eight = sorted(visit.dwell_s for visit in visits if visit.started_at[11:13] == "08")
    assert found.dwell_by_hour.median[8] == np.median(eight)
    assert found.attention_by_hour.visits.sum() == sum(visit.attention_s > 0 for visit in visits)
    assert found.days == 3


def test_hours_are_those_of_the_time_zone() -> None:
    visits = [msgspec.convert(msgspec.to_builtins(visit), Visit) for visit in make_visits(1)]
    utc, tokyo = (distribute(visits, ZoneInfo(name), 5) for name in ("UTC", "Asia/Tokyo"))
    assert tokyo.by_hour.tolist() == np.roll(utc.by_hour, 9).tolist()


def test_small_groups_have_no_quartiles() -> None:
    visits = [msgspec.convert(msgspec.to_builtins(visit), Visit) for visit in make_visits(1, busy=0.2)]
    found = distribute(visits, timezone.utc, 5)
    few = found.dwell_by_hour.visits < 5
    assert few.any()
    assert not few.all()
    assert np.isnan(found.dwell_by_hour.median).tolist() == few.tolist()


def test_gaps_in_seq_are_missing_events_and_each_life_of_an_outbox_counts_alone(tmp_path: Path) -> None:
    assert count_missing([("a", 3), ("a", 7), ("b", 1), ("b", 2), ("a", 7)]) == 3
    kept = lines(make_visits(1))
    file = write_lines(tmp_path / "e.jsonl", kept[:20] + kept[27:] + lines(make_visits(1, seed=2)))
    assert read_events([str(file)]).missing == 7


def test_aggregates_fill_their_place_and_are_counted_apart(tmp_path: Path) -> None:
    visits = make_visits(1)
    all_lines = lines(visits)
    all_lines[5] = json.dumps({"schema": "passerby.aggregate/1", "boot_id": visits[5].boot_id, "seq": visits[5].seq})
    log = read_events([str(write_lines(tmp_path / "e.jsonl", all_lines))])
    assert (len(log.visits), log.others, log.missing, log.bad) == (len(visits) - 1, 1, 0, 0)


BAD = [
    "garbage",
    "{",
    '{"event_id": "x"}',
    '{"schema": "other/1"}',
    '{"schema": "passerby.visit/1", "event_id": "x"}',
    "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
]


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_counted_and_named_and_the_others_go_on(tmp_path: Path, line: str) -> None:
    good = lines(make_visits(1))
    log = read_events([str(write_lines(tmp_path / "e.jsonl", [*good[:3], line, *good[3:]]))])
    assert (len(log.visits), log.bad) == (len(good), 1)
    assert log.bad_lines[0].where.endswith("e.jsonl:4")
    (warning,) = log.warnings
    assert warning.startswith("1 line left out: ")
    assert "\n" not in warning


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dwell_s": -1}, "dwell_s"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": "2026-02-30T09:00:00Z"}, "day is out of range"),
        ({"started_at": "9999-12-31T23:59:59Z"}, "started_at 9999-12-31T23:59:59Z has no hour in other time zones"),
        ({"started_at": "0001-01-01T00:00:00Z"}, "started_at 0001-01-01T00:00:00Z has no hour in other time zones"),
        ({"gender": {"label": "robot"}}, "gender.label"),
        ({"age": {"taxonomy": "ads-8", "bracket": "19-20"}}, "no bracket '19-20' in ads-8"),
        ({"age": {"taxonomy": 8, "bracket": "unknown"}}, "age.taxonomy"),
    ],
)
def test_values_out_of_range_are_bad_lines(tmp_path: Path, change: dict[str, object], said: str) -> None:
    first, *rest = lines(make_visits(1))
    log = read_events([str(write_lines(tmp_path / "e.jsonl", [json.dumps(json.loads(first) | change), *rest]))])
    assert log.bad == 1
    assert said in log.bad_lines[0].reason


@pytest.mark.parametrize("column", ["dwell_s", "attention_s"])
@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_duration_without_end_is_a_bad_line(tmp_path: Path, column: str, value: str) -> None:
    first, *rest = make_visits(1)[:3]
    endless = msgspec.structs.replace(first, **{column: float(value)})
    log = read_events([str(write_csv(tmp_path / "e.csv", [endless, *rest]))])
    assert (len(log.visits), log.bad) == (2, 1)


def test_files_without_a_visit_or_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no visit event in these files"):
        read_events([str(write_lines(tmp_path / "e.jsonl", ["garbage"]))])
    with pytest.raises(BadInput, match="events cannot be read, got No such file or directory"):
        read_events([str(tmp_path / "gone.jsonl")])
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\x00" + bytes(500))
    with pytest.raises(BadInput, match="SQLite file cannot be read"):
        read_events([str(tmp_path / "broken.db")])


def test_the_page_is_whole_loads_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    kept = lines(make_visits(4))
    file = write_lines(tmp_path / "e.jsonl", [*kept[:9], *kept[12:], kept[-1], "garbage"])
    done = report(file, "--out", tmp_path / "out", "--timezone", "Europe/Berlin")
    assert done.exit_code == 0, done.exception
    assert done.stdout == f"{len(kept) - 3:,} visits: {tmp_path}/out/report.html\n"
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert set(re.findall(r'(?:src|href)="([^"]{0,22})', page)) == {"data:image/png;base64,"}
    assert "http" not in page
    assert "<script" not in page
    assert "3 events missing" in page
    assert "1 line left out" in page
    assert "came twice: 1." in page
    assert "Europe/Berlin" in page
    written = {path.name for path in (tmp_path / "out").iterdir()}
    plots = {"people", "looked", "hours", "week", "times-by-hour", "times-by-age"}
    assert written == {"report.html", *(f"{name}.png" for name in plots)}
    assert all((tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG") for name in plots)


def test_the_days_are_those_of_the_time_zone(tmp_path: Path) -> None:
    late = [msgspec.structs.replace(visit, started_at="2026-11-02T23:30:00Z") for visit in make_visits(1)[:1]]
    file = write_lines(tmp_path / "e.jsonl", lines(late))
    result = report(file, "--out", tmp_path / "out", "--timezone", "Europe/Berlin")
    assert result.exit_code == 0, (result.output, result.exception)
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "from 2026-11-03 to 2026-11-03, hours in Europe/Berlin" in page


def test_small_cells_are_marked(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "e.jsonl", lines(make_visits(1)))
    report(file, "--out", tmp_path / "out", "--k", "5")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    marked = [int(cell) for cell in re.findall(r"<td>(\d+) \*</td>", page)]
    counts = distribute(read_events([str(file)]).visits, timezone.utc, 5).counts
    small = counts[(counts > 0) & (counts < 5)].tolist()
    assert len(small) > 2
    assert not Counter(small) - Counter(marked)
    assert max(marked) < 5
    assert f"* {len(small)} cells hold fewer than 5 visits" in page


@pytest.mark.parametrize("draw", [draw_hours, draw_week])
def test_small_cells_are_hollow_by_hour_and_weekday(draw: Callable[[Distribution, str, int], Plot]) -> None:
    visits = [msgspec.convert(msgspec.to_builtins(visit), Visit) for visit in make_visits(3, busy=0.2)]
    found = distribute(visits, timezone.utc, 5)
    assert pale(draw(found, "UTC", 5)) > pale(draw(found, "UTC", 1)) + 0.02
    assert draw(found, "UTC", 5).caption.endswith("fewer than 5 visits.")


def pale(plot: Plot) -> float:
    """Share of a plot that is white."""
    picture = cv2.imdecode(np.frombuffer(plot.png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return float((picture == 255).mean())


def test_json_has_the_numbers_of_the_plots(tmp_path: Path) -> None:
    visits = make_visits(2)
    done = report(write_lines(tmp_path / "e.jsonl", lines(visits)), "--json")
    found = json.loads(done.stdout)
    assert (found["schema"], found["visits"], found["days"]) == ("passerby.report/1", len(visits), 2)
    assert sum(hour["visits"] for hour in found["hours"]) == len(visits)
    assert sum(sum(band["visits"].values()) for band in found["bands"]) == len(visits)
    assert found["hours"][2]["dwell_s"] == {"p25": None, "p50": None, "p75": None, "visits": 0}


def test_one_visit_and_no_attention_can_be_drawn(tmp_path: Path) -> None:
    quiet = [msgspec.structs.replace(visit, attention_s=0.0) for visit in make_visits(1)[:1]]
    done = report(write_lines(tmp_path / "e.jsonl", lines(quiet)), "--out", tmp_path / "out")
    assert done.exit_code == 0, done.exception


def test_wrong_words_are_refused(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "e.jsonl", lines(make_visits(1)))
    assert isinstance(report(file).exception, UsageError)
    wrong = report(file, "--json", "--timezone", "Mars/Base")
    assert "no such time zone, got Mars/Base" in str(wrong.exception)
    assert report().exit_code == 2
