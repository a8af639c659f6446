"""What the loops expect of stages and adapters: Protocols of at most four methods, no concrete class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from edge.schemas.link import Command, SensorMessage
from edge.sensor.types import AttributeEstimate, Detection, Frame, Image, Tensors, Track, VisitSummary


class FrameSource(Protocol):
    """Where frames come from. `live` sources drop to the newest frame; others give every frame in order."""

    live: bool

    def read(self) -> Frame | None:
        """Return the next frame, or None at the end. Raises CameraLost (may come back), BadInput (will not)."""

    def close(self) -> None:
        """Release the device or file; safe to call twice."""


class InferenceSession(Protocol):
    """One compiled network on one target; one inference in flight."""

    @property
    def target(self) -> str:
        """The target that runs it; changes where another one stands in for an accelerator."""

    def start(self, inputs: Tensors) -> None:
        """Begin an inference; inputs stay unchanged until `wait`. Raises InferenceError."""

    def wait(self) -> Tensors:
        """Outputs of the inference begun by `start`, valid until the next `start`. Raises InferenceError."""

    def close(self) -> None:
        """Free the device; safe to call twice."""


class Detector(Protocol):
    """Finds faces; one image in flight."""

    @property
    def target(self) -> str:
        """The target that runs it."""

    def start(self, image: Image, picture_hw: tuple[int, int] | None = None) -> None:
        """Begin a detection on a BGR uint8 (H, W, 3) image, the view of a picture of picture_hw px if that is given."""

    def wait(self) -> Sequence[Detection]:
        """Faces of the image given to `start`, in its px, best score first. Raises InferenceError."""


class AttributeEstimator(Protocol):
    """Estimates apparent age and gender of faces; one batch in flight."""

    @property
    def target(self) -> str:
        """The target that runs it."""

    def start(self, image: Image, faces: Sequence[Detection], qualities: Sequence[float]) -> None:
        """Align the faces of a BGR uint8 (H, W, 3) image and begin their estimation as one batch."""

    def wait(self) -> Sequence[AttributeEstimate]:
        """One estimate a face, in the order given to `start`. Raises InferenceError."""


class TrackUpdate(NamedTuple):
    """What a tracker returns after one frame."""

    active: Sequence[Track]
    """Tracks alive after this frame (tentative, confirmed or lost)."""
    ended: Sequence[Track]
    """Confirmed tracks that ended with this frame."""


class Tracker(Protocol):
    """Follows faces over frames."""

    def update(self, detections: Sequence[Detection], at: float, picture_hw: tuple[int, int]) -> TrackUpdate:
        """Take the detections (px of the image) of the frame of picture_hw px captured at `at` seconds."""

    def finish(self) -> Sequence[Track]:
        """End every track now; returns those that were confirmed."""


class Stilled(NamedTuple):
    """Tracks without those of static faces."""

    update: TrackUpdate
    """People: those who are there, and those who left."""
    withdrawn: Sequence[Track]
    """Tracks that were taken for people until now."""


class VisitSink(Protocol):
    """Where the pipeline sends what it saw; the link in the product, a list in tests."""

    def visit(self, summary: VisitSummary) -> None:
        """Take an ended visit."""

    def send(self, message: SensorMessage) -> None:
        """Take a live or health message; may drop it when the link is busy."""

    def commands(self) -> Sequence[Command]:
        """Commands that arrived since the last call, oldest first."""

    def flush(self, timeout_s: float) -> bool:
        """Wait until every visit is acknowledged; False when time ran out."""
