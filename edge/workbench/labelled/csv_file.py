"""A CSV of labels: `path`, and any of `age`, `gender` (F, M), `group`, `person`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.errors import BadInput, explain
from edge.files import write_whole
from edge.workbench.labelled.labels import read_age, read_gender, whole_years
from edge.workbench.labelled.samples import Sample

COLUMNS = ("path", "age", "gender", "group", "person")


LETTERS = {"female": "F", "male": "M"}


def read_labels(labels: Path, name: str, *, aligned: bool = False) -> list[Sample]:
    """The samples of a CSV with a header line. Raises BadInput."""
    samples, seen = [], set[str]()
    for where, row in read_rows(labels, COLUMNS, ("path",)):
        if row["path"] in seen:
            raise BadInput(explain("the same path again", where=where, got=row["path"]))
        seen.add(row["path"])
        age = read_age(row.get("age", ""), where)
        gender = read_gender(row.get("gender", ""), where)
        group, person = row.get("group") or None, row.get("person") or None
        samples.append(Sample(name, row["path"], age, whole_years(age), gender, group, person, aligned))
    return samples


def write_labels(path: Path, samples: Sequence[Sample]) -> None:
    """Write the CSV that `read_labels` reads; ages that are bands are left empty. Raises UsageError."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for sample in samples:
        age = "" if sample.age is None else f"{sample.age:g}"
        table.writerow(
            (sample.path, age, LETTERS.get(sample.gender or "", ""), sample.group or "", sample.person or "")
        )
    write_whole(path, text.getvalue().encode())


def read_rows(path: Path, known: tuple[str, ...], needed: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Where a row stands (file and line) and its cells by column. Raises BadInput."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            _check_columns(rows.fieldnames or (), known, needed, str(path))
            for row in rows:
                where = f"{path}:{rows.line_num}"
                if None in row or None in row.values():
                    raise BadInput(explain("row does not have as many cells as the header", where=where))
                yield where, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInput(
            explain("labels cannot be read", where=str(path), got=reason, expected="CSV in UTF-8")
        ) from error


def _check_columns(got: Sequence[str], known: tuple[str, ...], needed: tuple[str, ...], where: str) -> None:
    for column in got:
        if column not in known:
            raise BadInput(explain("unknown column", where=where, got=repr(column), expected=", ".join(known)))
    for column in needed:
        if column not in got:
            raise BadInput(explain(f"no column {column!r}", where=where, got=", ".join(got) or "an empty file"))
