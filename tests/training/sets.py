"""Small data sets that tests make for themselves, in the forms that readers know."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.sensor.types import Image


def scene(seed: int, side: int = 96) -> Image:
    """A smooth picture that no other seed resembles, uint8 (side, side, 3) BGR."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def jpeg(image: Image, quality: int = 90) -> bytes:
    """A JPEG file's bytes."""
    ok, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return content.tobytes()


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    """An uncompressed tar of these files."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder of these files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_lines(path: Path, lines: Iterable[str]) -> Path:
    """A text file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def write_set(folder: Path, rows: Sequence[str], header: str = "path,age,gender,group", name: str = "faces") -> Path:
    """`NAME.tar` with a scene for each row's path, and `NAME.csv` beside it; returns the tar."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [row.partition(",")[0] for row in rows]
    write_lines(folder / f"{name}.csv", [header, *rows])
    return write_tar(folder / f"{name}.tar", {path: jpeg(scene(index)) for index, path in enumerate(paths)})


def write_adience(folder: Path, per_fold: int = 6) -> Path:
    """Five folds of `per_fold` aligned faces; their labels go round the eight bands and both genders."""
    bands = ["(0, 2)", "(4, 6)", "(8, 12)", "(15, 20)", "(25, 32)", "(38, 43)", "(48, 53)", "(60, 100)"]
    header = "user_id original_image face_id age gender x y dx dy tilt_ang fiducial_yaw_angle fiducial_score"
    for fold in range(5):
        lines = ["\t".join(header.split())]
        for index in range(per_fold):
            number = fold * per_fold + index
            cells = [f"{fold}@N0{index // 2}", f"{number}_o.jpg", str(number), bands[number % 8], "fm"[number % 2]]
            lines.append("\t".join([*cells, *["0"] * 7]))
            file = f"aligned/{cells[0]}/landmark_aligned_face.{number}.{number}_o.jpg"
            write_files(folder, {file: jpeg(scene(number))})
        write_lines(folder / f"fold_{fold}_data.txt", lines)
    return folder
