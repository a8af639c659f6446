"""`passerby evaluate counts`: from clips and truths to tables, JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from edge.errors import BadInput, UsageError
from tests.pictures.clips import write_clip
from training.evaluation.command import app

pytestmark = pytest.mark.process


def evaluate(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["counts", *(str(word) for word in words)])


def write_truth(path: Path, *intervals: tuple[float, float], **more: object) -> Path:
    people = [{"id": number, "intervals": [each]} for number, each in enumerate(intervals)]
    path.write_text(json.dumps({"schema": "passerby.truth/1", "people": people, **more}))
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds in which no face is to be seen."""
    return write_clip(tmp_path / "bars.mp4", frames=25)


def test_somebody_whom_the_sensor_does_not_see_is_missed(clip: Path) -> None:
    write_truth(Path(f"{clip}.json"), (0.2, 1.9))
    done = evaluate(clip, "--json")
    assert done.exit_code == 0, done.exception
    found = json.loads(done.stdout)
    assert found["total"] is None
    (result,) = found["clips"]
    assert (result["clip"], result["frames"], result["duration_s"]) == (str(clip), 25, 2.0)
    assert (result["expected"], result["visits"], result["missed"], result["count_error_pct"]) == (1, 0, 1, -100)
    assert (result["idf1"], result["matched_by"]) == (None, "time")
    assert found["warnings"] == [
        f"{clip}: IDF1 is not available: its truth has no boxes, so visits were matched by time"
    ]


def test_several_clips_are_summed_and_a_table_is_printed(clip: Path, tmp_path: Path) -> None:
    one = write_truth(tmp_path / "one.json", (0.2, 1.9))
    none = write_truth(tmp_path / "none.json", frames=[[]] * 25, fps=12.5, width_px=64, height_px=48)
    done = evaluate(clip, clip, "--truth", one, "--truth", none)
    assert done.exit_code == 0, done.exception
    assert "all clips" in done.stdout
    assert "-100.0 %" in done.stdout
    assert "IDF1 of all clips is over the 1 of 2 that have boxes" in done.stderr


@pytest.mark.parametrize(
    ("bar", "line", "code"),
    [
        ("missed<=1", "met: missed<=1; 1", 0),
        ("count_error_pct<=99.5", "MISSED: count_error_pct<=99.5; 100", 1),
        ("idf1>=0.1", "MISSED: idf1>=0.1; not measured", 1),
        ("dwell_p90_s<=3", "MISSED: dwell_p90_s<=3; not measured", 1),
    ],
)
def test_a_bar_that_is_missed_is_exit_code_1(clip: Path, tmp_path: Path, bar: str, line: str, code: int) -> None:
    truth = write_truth(tmp_path / "truth.json", (0.2, 1.9))
    done = evaluate(clip, "--truth", truth, "--require", bar)
    assert done.exit_code == code
    assert line in done.stdout.splitlines()


@pytest.mark.parametrize("bar", ["visits", "counts<=1", "idf1=>0.9"])
def test_a_bar_that_means_nothing_is_refused(clip: Path, bar: str) -> None:
    assert isinstance(evaluate(clip, "--require", bar).exception, UsageError)


def test_a_clip_that_cannot_be_read_or_has_the_truth_of_another_does_not_stop_the_others(
    clip: Path, tmp_path: Path
) -> None:
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(clip.read_bytes()[:600])
    good, other = write_truth(tmp_path / "good.json"), write_truth(tmp_path / "other.json", frames=[[]] * 24)
    done = evaluate(torn, clip, clip, "--truth", good, "--truth", good, "--truth", other, "--json")
    assert done.exit_code == 2
    assert [each["clip"] for each in json.loads(done.stdout)["clips"]] == [str(clip)]
    assert f"passerby: {torn}: " in done.stderr
    assert f"passerby: {clip}: other frames than its truth, got 25, expected the 24 of its truth" in done.stderr


def test_one_clip_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth.json")
    done = evaluate(tmp_path / "absent.mp4", "--truth", truth)
    assert isinstance(done.exception, BadInput)
    assert done.stdout == ""


def test_clips_and_truths_go_in_pairs(clip: Path, tmp_path: Path) -> None:
    done = evaluate(clip, clip, "--truth", write_truth(tmp_path / "truth.json"))
    assert isinstance(done.exception, UsageError)
    assert "2 clips and 1 --truth" in str(done.exception)
