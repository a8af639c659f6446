"""One line of an epoch of the attributes."""

from __future__ import annotations

from training.attributes.loop import Epoch


def describe(epoch: Epoch) -> str:
    """One line of an epoch."""
    line = f"epoch {epoch.epoch}: loss {epoch.losses['total']:.3f}, {epoch.seconds:.0f} s"
    found = epoch.validation
    if found is None:
        return line
    return (
        f"{line}; held out: error {found.mae_years:.2f} years, gender right {found.gender_percent:.1f} %; "
        f"18 to 75 years old: {found.mae_years_18_75:.2f} years, {found.gender_percent_18_75:.1f} %"
    )
