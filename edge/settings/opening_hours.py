"""Opening hours as the settings write them: `mon-fri 08:00-20:00`; outside of them nothing is seen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from time import struct_time
from typing import Annotated, NamedTuple

from msgspec import Meta

from edge.errors import ConfigError, explain

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d|24:00"
PATTERN = rf"^{_DAY}(-{_DAY})? ({_TIME})-({_TIME})$"
_WORDS = re.compile(rf"^(?P<first>{_DAY})(-(?P<last>{_DAY}))? (?P<opens>{_TIME})-(?P<closes>{_TIME})$")

Hours = Annotated[str, Meta(pattern=PATTERN)]


class OpenTime(NamedTuple):
    """One line: days (0 is Monday) on which it opens, minutes of the day; it closes on the next day if not later."""

    days: frozenset[int]
    opens_min: int
    closes_min: int

    def contains(self, weekday: int, minute: int) -> bool:
        """Whether it is open then; weekday 0 is Monday."""
        if self.opens_min < self.closes_min:
            return weekday in self.days and self.opens_min <= minute < self.closes_min
        before_midnight = weekday in self.days and minute >= self.opens_min
        return before_midnight or ((weekday - 1) % 7 in self.days and minute < self.closes_min)


def parse_hours(text: str) -> OpenTime:
    """One line of opening hours. Raises ConfigError."""
    found = _WORDS.match(text)
    if found is None:
        raise ConfigError(explain("opening hours", got=text, expected="such as `mon-fri 08:00-20:00`"))
    first = _DAYS.index(found["first"])
    last = _DAYS.index(found["last"] or found["first"])
    days = frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
    return OpenTime(days, _minutes(found["opens"]), _minutes(found["closes"]))


def is_open(hours: Iterable[OpenTime], at: struct_time) -> bool:
    """Whether any of them contains a local time."""
    minute = at.tm_hour * 60 + at.tm_min
    return any(line.contains(at.tm_wday, minute) for line in hours)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
