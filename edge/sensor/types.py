"""Values that travel between stages: frozen, slotted, with units in their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from edge.sensor.geometry import Box, Points

Image = NDArray[np.uint8]
"""uint8 (H, W, 3) BGR unless a docstring says otherwise."""

Tensor = NDArray[np.generic]
Tensors = Mapping[str, Tensor]
"""Named arrays as a session takes and returns them."""

FEMALE, MALE = 0, 1
"""Positions in gender_probs."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One image and its time. `captured_at` is seconds on the clock of `edge.clock` (boot time, never set back).

    small: the same view in fewer px, where the camera gives it at no cost; faces are detected in it.
    repeated: nothing to look at, the source gave the picture before once more.
    """

    image: Image
    index: int
    captured_at: float
    small: Image | None = None
    repeated: bool = False

    @property
    def view(self) -> Image:
        """The image that faces are detected in."""
        return self.image if self.small is None else self.small

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width of the image in px."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def scale(self) -> tuple[float, float]:
        """Px of the image for one px of the view, across and down."""
        height, width = self.hw
        return width / self.view.shape[1], height / self.view.shape[0]


@dataclass(frozen=True, slots=True)
class Detection:
    """One face: box px, score 0-1, landmarks float32 (5, 2) px or None.

    Landmark order is the person's own sides: right eye, left eye, nose, right mouth corner, left mouth corner.
    """

    box: Box
    score: float
    landmarks: Points | None = None


class TrackState(Enum):
    """Life of a track: tentative until enough hits, confirmed, lost while it coasts, ended for good."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Track:
    """One face followed over frames. `track_id` is local and never leaves the process.

    `detected` is True when this frame's detections contain the face; box, score and landmarks are then that
    detection's, otherwise the box is predicted and landmarks is None. Times are seconds of the frames' clock.
    """

    track_id: int
    state: TrackState
    box: Box
    score: float
    landmarks: Points | None
    first_seen: float
    last_seen: float
    detected: bool


@dataclass(frozen=True, slots=True)
class AttributeEstimate:
    """One look at one face.

    age_probs: float32 (bins,), sums to 1, or None where the model set gives no age. gender_probs: float32 (2,)
    [female, male], sums to 1, or None. quality: 0-1. age_years: point estimate in years, None for class models.
    age_spread: how far the answers about the age are apart that the look was fused from, nats (`attributes.views`).
    """

    age_probs: NDArray[np.float32] | None
    gender_probs: NDArray[np.float32] | None
    quality: float
    age_years: float | None = None
    age_spread: float = 0.0


@dataclass(frozen=True, slots=True)
class GenderGuess:
    """Apparent gender: label "female", "male" or "unknown"; confidence 0-1 of the likelier gender."""

    label: str
    confidence: float
    p_female: float


@dataclass(frozen=True, slots=True)
class AgeGuess:
    """Apparent age: bracket index in the taxonomy or None for unknown; confidence 0-1; years or None (class models).

    interval: indices of the first and last bracket that the age lies in with a probability of
    `edge.schemas.interval.COVERAGE`.
    """

    bracket: int | None
    confidence: float
    years: float | None
    interval: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class VisitSummary:
    """An ended (or running) visit: what the sensor may send about it. Times are seconds of the frames' clock."""

    track_id: int
    first_seen: float
    last_seen: float
    attention_s: float
    glances: int
    gender: GenderGuess | None
    age: AgeGuess | None
    samples: int
    quality: float
    end_reason: str

    @property
    def dwell_s(self) -> float:
        """Seconds between the first and the last sight of the face."""
        return self.last_seen - self.first_seen
