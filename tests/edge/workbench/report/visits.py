"""Believable visit events: a shop window through some days, with rush hours, children, doubt and lost events."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone

import msgspec
import numpy as np

from edge.schemas.events import Age, Gender, Visit
from edge.schemas.taxonomy import ADS_8
from edge.schemas.vocabulary import GenderLabel

BY_HOUR = (0, 0, 0, 0, 0, 1, 4, 12, 15, 9, 8, 11, 18, 15, 9, 9, 13, 22, 24, 17, 9, 4, 1, 0)
"""Visits an hour on a weekday, about."""
BY_BAND = (0.05, 0.04, 0.16, 0.27, 0.19, 0.13, 0.09, 0.07)


def make_visits(days: int, seed: int = 1, busy: float = 1.0) -> list[Visit]:
    """The visits of one device over so many days from Monday, 2 November 2026, in the order of their `seq`."""
    random = np.random.default_rng(seed)
    boot_id = random.bytes(16).hex()
    starts = sorted(_starts(random, days, busy))
    return [_visit(random, at, seq, boot_id) for seq, at in enumerate(starts, 1)]


def lines(visits: list[Visit]) -> list[str]:
    """JSON Lines."""
    return [msgspec.json.encode(visit).decode() for visit in visits]


def _starts(random: np.random.Generator, days: int, busy: float) -> list[datetime]:
    found = []
    for day in range(days):
        weekend = 0.6 if day % 7 >= 5 else 1.0
        for hour, mean in enumerate(BY_HOUR):
            at = datetime(2026, 11, 2, hour, tzinfo=timezone.utc) + timedelta(days=day)
            count = random.poisson(mean * weekend * busy)
            found += [at + timedelta(seconds=int(second)) for second in random.integers(0, 3600, count)]
    return found


def _visit(random: np.random.Generator, at: datetime, seq: int, boot_id: str) -> Visit:
    band = int(random.choice(8, p=BY_BAND))
    dwell = float(np.round(np.clip(random.lognormal(1.6, 0.8), 0.5, 120) * 2) / 2)
    looks = random.random() < 0.35 + 0.05 * (band in (2, 3))
    attention = float(np.floor(dwell * random.beta(2, 3) * 2) / 2) if looks else 0.0
    bracket = None if random.random() < 0.12 else ADS_8.brackets[band]
    child = bracket is not None and bracket.high < 13
    gender: GenderLabel = "female" if random.random() < 0.54 else "male"
    return Visit(
        event_id=str(uuid.UUID(bytes=random.bytes(16), version=4)),
        site="berlin-hbf",
        device="kiosk-07",
        boot_id=boot_id,
        seq=seq,
        started_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        dwell_s=dwell,
        attention_s=attention,
        glances=int(attention > 0),
        gender=Gender(label="unknown" if child or random.random() < 0.08 else gender, confidence=0.9),
        age=Age(
            taxonomy="ads-8",
            bracket=bracket.label if bracket else "unknown",
            low=bracket.low if bracket else None,
            high=bracket.high if bracket else None,
            confidence=0.6,
        ),
        samples=3,
        quality=0.8,
        model_set="best@1.0.0/openvino:CPU",
        clock_synced=True,
        historical=False,
        end_reason="left",
    )
