"""`passerby analyze` as a person and a program use it, on real pictures and clips."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import pytest

from edge.cli.schema import json_schema
from tests.pictures.clips import encode, write_clip
from tests.pictures.portraits import portrait_of_astronaut, two_portraits

Finished = subprocess.CompletedProcess[str]
Analyze = Callable[..., Finished]

CHIPS = 250

pytestmark = [pytest.mark.process, pytest.mark.shared]


@pytest.fixture
def analyze(shared: Path, tmp_path: Path) -> Analyze:
    """Run the command in `tmp_path`."""
    environment = os.environ | {"PASSERBY_SHARED": str(shared), "PASSERBY_STATE": str(tmp_path / "state")}

    def run(*words: str, **more: str) -> Finished:
        command = [sys.executable, "-m", "edge.cli", "analyze", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment | more, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def lines_of(finished: Finished) -> list[dict[str, Any]]:
    return [json.loads(line) for line in finished.stdout.splitlines()]


def faces_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [face for line in lines for face in line["faces"]]


def write_portrait(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), portrait_of_astronaut())
    return path


def chips(shared: Path, tmp_path: Path) -> tuple[Path, dict[str, dict[str, str]]]:
    """A tar of every 18th validation chip, and their labels by path."""
    small = tmp_path / "chips.tar"
    with tarfile.open(shared / "data/utkface-val.tar") as all_chips, tarfile.open(small, "w") as some:
        members = [member for member in all_chips if member.isfile()][::18][:CHIPS]
        for member in members:
            some.addfile(member, all_chips.extractfile(member))
    with (shared / "data/utkface-val.csv").open() as table:
        return small, {row["path"]: row for row in csv.DictReader(table)}


def test_every_face_of_every_frame_of_a_clip_has_a_line_a_track_and_a_guess(analyze: Analyze, shared: Path) -> None:
    clip = shared / "video/two-faces-768x432.h264"
    finished = analyze(str(clip), "--json", "-")
    assert finished.returncode == 0, finished.stderr
    lines = lines_of(finished)
    schema = jsonschema.Draft202012Validator(json_schema("analyze-1"))
    assert all(schema.is_valid(line) for line in lines)
    assert [line["frame"] for line in lines] == list(range(300))
    assert [line["time_s"] for line in lines] == [round(index / 30, 3) for index in range(300)]
    faces = faces_of(lines)
    assert len(faces) >= 530  # of 600; some are seen from the side
    assert {face["track_id"] for face in faces if face["score"] > 0.7} == {1, 2}
    assert all(face["age"] and face["gender"] for face in faces)
    facing = faces_of(lines[140:210])  # elsewhere they look at each other
    right = [(face["gender"]["p_female"] > 0.5) == (face["box"][0] < 384) for face in facing]
    assert sum(right) > 0.95 * len(right)


def test_a_picture_has_its_faces_best_first_and_no_tracks(analyze: Analyze, tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "two.png"), two_portraits())
    [line] = lines_of(analyze("two.png", "--json", "-"))
    assert (line["source"], line["frame"], line["width"], line["height"]) == ("two.png", 0, 1024, 512)
    scores = [face["score"] for face in line["faces"]]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)
    assert all(face["track_id"] is None for face in line["faces"])
    astronaut = min(line["faces"], key=lambda face: face["box"][0])
    assert astronaut["gender"]["label"] == "female"
    assert 170 < astronaut["box"][0] < 190
    right_eye, left_eye = astronaut["landmarks"][:2]
    assert right_eye[0] < left_eye[0]


def test_aligned_chips_come_out_as_the_network_is_known_to_read_them(
    analyze: Analyze, shared: Path, tmp_path: Path
) -> None:
    tar, labels = chips(shared, tmp_path)
    lines = lines_of(analyze(tar.name, "--aligned", "--json", "-"))
    assert len(lines) == CHIPS
    assert all(face["box"] == [0, 0, 112, 112] and face["score"] == 1 for face in faces_of(lines))
    grown = [line for line in lines if 18 <= int(labels[line["source"]]["age"]) <= 75]
    errors, right = [], []
    for line in grown:
        label, [face] = labels[line["source"]], line["faces"]
        errors.append(abs(face["age"]["years"] - int(label["age"])))
        right.append((face["gender"]["p_female"] >= 0.5) == (label["gender"] == "F"))
    assert sum(errors) / len(errors) < 8.8
    assert sum(right) / len(right) > 0.92


def test_visits_are_the_events_that_a_device_would_send(analyze: Analyze, shared: Path) -> None:
    finished = analyze(str(shared / "video/two-faces-768x432.h264"), "--visits")
    events = lines_of(finished)
    schema = jsonschema.Draft202012Validator(json_schema("visit-1"))
    assert all(schema.is_valid(event) for event in events)
    assert [event["seq"] for event in events] == [1, 2]
    assert len({event["event_id"] for event in events}) == 2
    assert all(event["historical"] and event["dwell_s"] >= 9.5 for event in events)
    assert {event["gender"]["label"] for event in events} == {"female", "male"}


def test_people_read_visits_of_clips_and_faces_of_pictures(analyze: Analyze, shared: Path, tmp_path: Path) -> None:
    write_portrait(tmp_path / "a.png")
    finished = analyze("a.png", str(shared / "video/walking-480x270.gif"), "--set", "detection.width_px=-1")
    assert finished.returncode == 0
    assert "a.png: 512x512, " in finished.stdout
    # Her face is there, whatever else is taken for one.
    assert re.search(r" years\).* at 1[78]\d, [67]\d ", finished.stdout)
    assert "35 frames" in finished.stdout
    assert "2 visits" in finished.stdout
    assert finished.stderr == ""


def test_a_bad_picture_is_named_and_the_rest_go_on(analyze: Analyze, tmp_path: Path) -> None:
    content = write_portrait(tmp_path / "queue" / "a.jpg").read_bytes()
    (tmp_path / "queue" / "b.jpg").write_bytes(content[: len(content) // 2])
    (tmp_path / "queue" / "c.jpg").write_bytes(content)
    finished = analyze("queue", "missing.mp4", "--json", "-")
    assert finished.returncode == 2
    lines = lines_of(finished)
    assert [line["source"] for line in lines] == ["queue/a.jpg", "queue/b.jpg", "queue/c.jpg", "missing.mp4"]
    assert lines[1]["error"] == "queue/b.jpg: truncated JPEG, expected a whole image"
    assert [len(line.get("faces", ())) for line in lines] == [1, 0, 1, 0]
    assert len(finished.stderr.splitlines()) == 2


def test_half_a_jpeg_gives_no_face_and_no_chatter_and_what_is_left_out_is_named(
    analyze: Analyze, tmp_path: Path
) -> None:
    content = cv2.imencode(".jpg", portrait_of_astronaut())[1].tobytes()
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue" / "frame10").write_bytes(content)
    (tmp_path / "queue" / "frame9.jfif").write_bytes(content)
    (tmp_path / "queue" / "labels.csv").write_text("path,age\n")
    (tmp_path / "half.jpg").write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    finished = analyze("queue", "half.jpg", "--json", "-")
    lines = lines_of(finished)
    assert [line["source"] for line in lines] == ["queue/frame9.jfif", "queue/frame10", "half.jpg"]
    assert [len(line.get("faces", ())) for line in lines] == [1, 1, 0]
    assert "error" in lines[2]
    assert finished.returncode == 2
    left_out, error = finished.stderr.splitlines()
    assert left_out == "passerby: queue: 1 file left out: labels.csv (not a picture)"
    assert error.startswith("passerby: half.jpg: JPEG cannot be decoded")


def test_a_clip_that_was_cut_off_gives_its_frames_and_then_the_error(analyze: Analyze, tmp_path: Path) -> None:
    content = write_clip(tmp_path / "whole.avi", frames=60).read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    finished = analyze("cut.avi", "whole.avi", "--json", "-")
    lines = lines_of(finished)
    errors = [index for index, line in enumerate(lines) if "error" in line]
    assert len(errors) == 1
    assert 10 < errors[0] < 50
    assert len(lines) == errors[0] + 1 + 60
    assert finished.returncode == 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["missing.jpg"], 2, "no such file"),
        (["empty"], 2, "no image in this folder"),
        (["torn.tar"], 2, "torn.tar: not a tar"),
        (["torn.mp4"], 2, "torn.mp4: no picture can be decoded"),
        (["99"], 3, "no such camera"),
        (["a.png", "--model-set", "bset"], 2, "did you mean best?"),
        (["a.png", "--set", "detection.widht_px=3"], 2, "did you mean detection.width_px?"),
        (["a.png", "--annotate", "a.png"], 2, "would overwrite"),
        (["a.png", "--json", "a.png"], 2, "would overwrite"),
        ([".", "--json", "a.png"], 2, "would overwrite the source"),
        (["a.png", "--json", "b.jpg", "--annotate", "b.jpg"], 2, "would overwrite the file of --annotate"),
        (["a.png", "--json", "a.png/x.jsonl"], 2, "cannot be written"),
        (["a.png", "--annotate", "torn.mp4/x.jpg"], 2, "cannot be written"),
        (["a.png", "--annotate", "a.mp4"], 2, "does not fit the sources"),
        (["a.png", "--annotate", "a.bmp"], 2, "unknown kind of file"),
        (["a.png", "--annotate", "no/a.jpg"], 2, "cannot be written"),
        (["a.png", "--aligned", "--visits"], 2, "do not go together"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_clear_line(analyze: Analyze, tmp_path: Path, words: list[str], code: int, says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.tar").write_bytes(b"hello" * 300)
    (tmp_path / "torn.mp4").write_bytes(b"hello" * 300)
    (tmp_path / "a.png").write_bytes(encode(".png"))
    before = sorted(tmp_path.rglob("*"))
    finished = analyze(*words)
    assert finished.returncode == code
    [line] = finished.stderr.splitlines()
    assert says in line
    assert finished.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_missing_networks_are_one_line_that_says_how_to_get_them(analyze: Analyze, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(".png"))
    finished = analyze("a.png", "--model-set", "best", PASSERBY_SHARED="/nonexistent")
    assert finished.returncode == 3
    [line] = finished.stderr.splitlines()
    assert "passerby models" in line


def test_random_weights_never_give_a_label(analyze: Analyze, shared: Path, tmp_path: Path) -> None:
    for network in ("levi-hassner-age", "levi-hassner-gender"):
        words = ["models", "import", network, "--from", str(shared / "models"), "--random-weights", "1"]
        environment = os.environ | {"PASSERBY_STATE": str(tmp_path / "state")}
        subprocess.run([sys.executable, "-m", "edge.cli", *words], env=environment, check=True, capture_output=True)
    write_portrait(tmp_path / "a.png")
    target = ["--model-set", "tutorial", "--target", "opencv:CPU"]
    text = analyze("a.png", *target)
    assert "untrained" in text.stdout
    assert "male" not in text.stdout
    [said] = text.stderr.splitlines()
    assert "random test weights" in said
    [face] = faces_of(lines_of(analyze("a.png", *target, "--json", "-")))
    assert (face["gender"]["label"], face["gender"]["confidence"]) == ("unknown", 0)
    assert (face["age"]["bracket"], face["age"]["confidence"]) == ("unknown", 0)


def test_annotated_files_are_made_for_each_source(analyze: Analyze, shared: Path, tmp_path: Path) -> None:
    write_portrait(tmp_path / "queue" / "a.jpg")
    walking = shared / "video/walking-480x270.gif"
    finished = analyze("queue", str(walking), "--annotate", "drawn", "--json", "lines.jsonl")
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""
    drawn = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "drawn").rglob("*") if path.is_file())
    assert drawn == ["drawn/queue/a.jpg", "drawn/walking-480x270.mp4"]
    assert len((tmp_path / "lines.jsonl").read_text().splitlines()) == 1 + 35
    capture = cv2.VideoCapture(str(tmp_path / "drawn/walking-480x270.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 35
    capture.release()


def test_a_reader_that_has_enough_ends_it_quietly(shared: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PASSERBY_SHARED": str(shared), "PASSERBY_STATE": str(tmp_path)}
    command = [sys.executable, "-m", "edge.cli", "analyze", str(shared / "video/two-faces-768x432.h264"), "--json", "-"]
    command += ["--fps", "25"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_ctrl_c_leaves_whole_files_only(shared: Path, tmp_path: Path) -> None:
    write_portrait(tmp_path / "a.jpg")
    environment = os.environ | {"PASSERBY_SHARED": str(shared), "PASSERBY_STATE": str(tmp_path / "state")}
    words = ["a.jpg", "fake:1000000", "--annotate", "drawn", "--json", "-"]
    command = [sys.executable, "-m", "edge.cli", "analyze", *words]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(30):
            assert process.stdout.readline()
        process.send_signal(2)
        process.stdout.read()
        assert process.stderr.read() == ""
        assert process.wait(30) == 130
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["a.jpg"]
