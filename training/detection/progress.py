"""One line of an epoch of the detector."""

from __future__ import annotations

from training.detection.loop import DetectionEpoch


def describe(epoch: DetectionEpoch) -> str:
    """What a person reads of an epoch."""
    line = f"epoch {epoch.epoch}: loss {epoch.losses['total']:.3f}, {epoch.seconds:.0f} s"
    found = epoch.detection
    if found is None:
        return line
    return (
        f"{line}; held out: AP50 {found.ap50:.3f}, at twice the size {found.ap50_double:.3f}, "
        f"{found.false_positives:.2f} false positives a picture; photographs {found.found_percent:.1f} %"
    )
