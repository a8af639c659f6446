"""Where keys stand in the text of a TOML file: the parser gives their values, not their lines."""

from __future__ import annotations

import re
from collections import Counter

Path = tuple[str, ...]
"""Table and key: `("camera", "fps")`; of `[[zones]]` also its number, from 0: `("zones", "0", "kind")`."""

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""'
    r"|'''.*?'''"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=\n]"
    r"|[^\s\"'\#\[\]{}=]+",
    re.DOTALL,
)
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([^.\s]+)""")


class KeyLines:
    """Lines of the keys and tables of a text, which must be valid TOML."""

    def __init__(self, text: str) -> None:
        self._lines: dict[Path, int] = {}
        self._table: Path = ()
        self._words: list[str] = []
        self._brackets = 0
        self._tables: Counter[Path] = Counter()
        self._depth = 0
        self._in_value = False
        line = 1
        for token in _TOKEN.findall(text):
            (self._read_value if self._in_value else self._read_key)(token, line)
            line += token.count("\n")

    def of(self, *path: str) -> int:
        """Line, from 1, of a key, or of the table around it where the key stands in an inline table."""
        while path not in self._lines and path:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _read_key(self, token: str, line: int) -> None:
        if token == "=":
            self._lines.setdefault((*self._table, *self._take_path()), line)
            self._in_value = True
        elif token == "]" and self._words:
            self._table = self._take_path()
            self._lines.setdefault(self._table, line)
            if self._brackets == 2:
                number = self._tables[self._table]
                self._tables[self._table] += 1
                self._table = (*self._table, str(number))
                self._lines.setdefault(self._table, line)
        elif token == "[":
            self._brackets += 1
        elif token == "\n":
            self._brackets = 0
        elif token != "]" and not token.startswith("#"):
            self._words.append(token)

    def _read_value(self, token: str, line: int) -> None:
        self._depth += (token in ("[", "{")) - (token in ("]", "}"))
        self._in_value = token != "\n" or self._depth > 0

    def _take_path(self) -> Path:
        """The parts of the dotted key that was read."""
        parts = tuple("".join(found) for found in _PART.findall("".join(self._words)))
        self._words.clear()
        return parts
