"""What `passerby train plot` draws of a run of ages and genders."""

from __future__ import annotations

from training.runs.plot import Chart

LOSSES = Chart("Training", "nats", [(name, name) for name in ("total", "age", "gender")])
VALIDATION = (
    Chart(
        "Held out: error of the age",
        "years",
        [("all ages", "mae_years"), ("18 to 75 years", "mae_years_18_75")],
    ),
    Chart(
        "Held out: gender right",
        "%",
        [("all ages", "gender_percent"), ("18 to 75 years", "gender_percent_18_75")],
    ),
)
