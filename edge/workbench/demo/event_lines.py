"""Events as lines for people."""

from __future__ import annotations

from typing import Any


def event_line(topic: str, payload: Any) -> str:
    """One line for an event of any kind; unknown ones show their topic only."""
    kind = topic.rsplit("/", maxsplit=1)[-1]
    if kind == "visit":
        return f"visit   {visit_text(payload)}"
    if kind == "live":
        people = "nobody" if payload["people"] == 0 else f"{payload['people']} in front, {payload['watchers']} watching"
        return f"live    {people}"
    if kind == "status":
        return f"status  {payload}"
    if kind == "info":
        return f"info    {payload['site']}/{payload['device']} runs {payload['model_set']}"
    return kind


def visit_text(visit: dict[str, Any]) -> str:
    """A visit in words: gender, age, how long, how attentive."""
    gender, age = visit["gender"], visit["age"]
    who = f"{gender['label']} {gender['confidence']:.0%}" if gender["label"] != "unknown" else "gender unknown"
    band = f"{age['bracket']} {age['confidence']:.0%}" if age["bracket"] != "unknown" else "age unknown"
    dwell = f"stayed {visit['dwell_s']:.1f} s, watched {visit['attention_s']:.1f} s"
    glances = "1 glance" if visit["glances"] == 1 else f"{visit['glances']} glances"
    return f"#{visit['seq']} {who}, {band}, {dwell} ({glances})"
