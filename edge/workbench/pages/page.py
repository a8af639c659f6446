"""One HTML page that holds all of itself: text, tables, PNG as data addresses, no script, nothing to load."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from string import Template

_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1100px; padding: 28px 24px 60px; background: #fff; color: #222;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 38px 0 8px; border-top: 1px solid #e4e4e4;
  padding-top: 22px; }
p { margin: 6px 0; max-width: 80ch; } .lead { color: #555; }
figure { margin: 14px 0; display: inline-block; vertical-align: top; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: #555; font-size: 13px; max-width: 75ch; }
table { border-collapse: collapse; margin: 12px 44px 12px 0; display: inline-table; vertical-align: top;
  font-size: 13.5px; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 4px 0; }
th, td { padding: 4px 12px 4px 0; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap; }
th { color: #555; font-weight: 600; } th:first-child, td:first-child { text-align: left; }
td.words { white-space: normal; }
.note { background: #fff7e0; border-left: 4px solid #e69f00; padding: 6px 12px; margin: 8px 0; }
.tiles { display: flex; flex-wrap: wrap; gap: 14px; margin: 18px 0; }
.tile { border: 1px solid #e4e4e4; border-radius: 8px; padding: 10px 18px; min-width: 130px; }
.tile b { display: block; font-size: 25px; line-height: 1.2; } .tile span { color: #555; font-size: 13px; }
@media print { h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""
_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title><style>$style</style></head>
<body><h1>$title</h1><p class="lead">$lead</p>
$body
</body></html>
""")


LONG_CELL = 28
"""Characters; the longest number with its interval has 24."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A PNG with the text that stands for it and the line below it."""

    png: bytes
    says: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: the first column is text, the others numbers as they shall be read."""

    caption: str
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Note:
    """A line that must be noticed."""

    text: str


@dataclass(frozen=True, slots=True)
class Tiles:
    """A few large numbers, each with what it counts."""

    numbers: Sequence[tuple[str, str]]


Part = Plot | Rows | Note | Tiles | str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what is below it; the first section may go without one."""

    title: str
    parts: Sequence[Part]


def render_page(title: str, lead: str, sections: Iterable[Section]) -> str:
    """The page; all text is escaped."""
    body = "\n".join(_section(section) for section in sections)
    return _PAGE.substitute(title=escape(title), lead=escape(lead), style=_STYLE, body=body)


def _section(section: Section) -> str:
    heading = f"<h2>{escape(section.title)}</h2>" if section.title else ""
    return "\n".join([heading, *map(_part, section.parts)])


def _part(part: Part) -> str:
    if isinstance(part, Plot):
        picture = f'<img alt="{escape(part.says)}" src="data:image/png;base64,{b64encode(part.png).decode()}">'
        return f"<figure>{picture}<figcaption>{escape(part.caption)}</figcaption></figure>"
    if isinstance(part, Rows):
        return _table(part)
    if isinstance(part, Note):
        return f'<p class="note">{escape(part.text)}</p>'
    if isinstance(part, Tiles):
        tiles = (f'<div class="tile"><b>{escape(n)}</b><span>{escape(what)}</span></div>' for n, what in part.numbers)
        return f'<div class="tiles">{"".join(tiles)}</div>'
    return f"<p>{escape(part)}</p>"


def _cell(text: str) -> str:
    """Long words may be broken into lines, numbers not."""
    kind = ' class="words"' if len(text) > LONG_CELL else ""
    return f"<td{kind}>{escape(text)}</td>"


def _table(rows: Rows) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in rows.columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows.cells)
    return f"<table><caption>{escape(rows.caption)}</caption><tr>{head}</tr>{body}</table>"
