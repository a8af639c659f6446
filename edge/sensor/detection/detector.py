"""The detector: a picture into a network, its outputs through a decoder, doubles out, back to the image's pixels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, cast

import numpy as np

from edge.catalog.manifest import Input, Manifest, Thresholds
from edge.errors import InferenceError, InferenceFailed, ManifestError, explain
from edge.sensor.detection import boxes, ssd, ssd_heads, ultraface, yunet
from edge.sensor.detection.candidates import Candidates, Decoder, FloatTensors
from edge.sensor.detection.nms import suppress
from edge.sensor.geometry import Box, Points
from edge.sensor.imaging import letterbox, stretch
from edge.sensor.ports import InferenceSession
from edge.sensor.types import Detection, Image

DECODERS: dict[str, Decoder] = {
    "yunet": yunet.decode,
    "ultraface": ultraface.decode,
    "ssd": ssd.decode,
    "boxes": boxes.decode,
}
"""The manifest's word -> decoder of a detection network; `ssd-heads` is made from the manifest's priors."""

LEAST_OPEN_SIZES, MAX_OPEN_PX = 4, 6_000_000
"""Input sizes kept open: these many of any size, and more while they have no more px than this together.

A camera needs two. Photographs of every shape need all 19 of a network of 320 px and the 21 wide ones: 5 Mpx, 0.5 GB;
to open one of them takes the time of 20 pictures.
"""


FOLLOW = -2
"""Input width that follows the camera: half of its picture's longer side, up to `WIDEST_PX`, or the manifest's."""
WIDEST_PX, WIDE_STEP_PX = 640, 128
"""Both sides of such an input are multiples of the step: photographs of every shape need 21 sizes of it, not 400."""


class Opened(Protocol):
    """A session and the height and width in px that it really takes (`edge.sensor.inference.opening.OpenedSession`)."""

    @property
    def session(self) -> InferenceSession:
        """The session."""

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width in px."""


Opener = Callable[[tuple[int, int]], Opened]
"""Opens the network for an input of (height, width) px, or for the size that its file fixes."""


def choose_input_size(
    wanted: Input, input_width: int, image_hw: tuple[int, int], picture_hw: tuple[int, int], *, wide: bool = True
) -> tuple[int, int]:
    """Height and width in px of the network's input for images of image_hw px, which show a picture of picture_hw px.

    input_width: the input's longer side (its width for an image that is wider than high); 0 takes the manifest's, -1
    the image's own size, `FOLLOW` follows the picture if `wide` and else takes the manifest's. The other side follows
    the image's aspect; both are rounded up to the manifest's multiple. A network of fixed size keeps it.
    """
    step = wanted.multiple_of_px
    if step == 0:
        return wanted.height_px, wanted.width_px
    longer = max(image_hw)
    narrow = max(wanted.width_px, wanted.height_px)
    target = {0: narrow, -1: longer, FOLLOW: narrow}.get(input_width, input_width)
    half = min(max(picture_hw) // 2, longer, WIDEST_PX)
    if input_width == FOLLOW and wide and half > narrow:
        step = _round_up(WIDE_STEP_PX, step)
        target = _round_up(half, step)
    height, width = (_round_up(max(1, round(side * target / longer)), step) for side in image_hw)
    return height, width


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step


class NetworkDetector:
    """Implements `edge.sensor.ports.Detector` on a network; opens it once more when images of another shape come.

    picture_hw: height and width in px of the images to come, where known; the network is then open before the first
    one. low_score: 0 takes the manifest's. Raises ManifestError where the manifest is not a detector's, and
    what the opener raises.
    """

    def __init__(
        self,
        opener: Opener,
        manifest: Manifest,
        *,
        input_width: int = 0,
        low_score: float = 0.0,
        picture_hw: tuple[int, int] | None = None,
    ) -> None:
        self._opener, self._manifest, self._input_width = opener, manifest, input_width
        self._decode, self._thresholds = _need_detector(manifest)
        self._low_score = low_score or self._thresholds.low_score
        self._networks: OrderedDict[tuple[int, int], _Network] = OrderedDict()
        self._fixed: _Network | None = None
        first_hw = picture_hw or (manifest.input.height_px, manifest.input.width_px)
        self._network = self._network_for(first_hw, first_hw)
        self._running: _Scale | None = None

    @property
    def target(self) -> str:
        """The target that runs the network."""
        return self._network.session.target

    @property
    def input_hw(self) -> tuple[int, int]:
        """Height and width in px of the network's input."""
        return self._network.input_hw

    def start(self, image: Image, picture_hw: tuple[int, int] | None = None, *, wide: bool = True) -> None:
        """See `edge.sensor.ports.Detector`; `wide` as in `choose_input_size`."""
        image_hw = image.shape[0], image.shape[1]
        self._network = self._network_for(image_hw, picture_hw or image_hw, wide=wide)
        self._running = self._network.start(image)

    def wait(self) -> Sequence[Detection]:
        """Faces down to the low score, best first, in px of the image given to `start`; boxes may reach outside it."""
        if self._running is None:
            raise InferenceError(f"{self.target}: wait without start")
        scale, self._running = self._running, None
        outputs = self._network.wait()
        found = self._decode(outputs, self._network.input_hw, self._low_score)
        return _detections(found, self._thresholds.nms_iou, scale)

    def close(self) -> None:
        """Close every session."""
        for network in self._networks.values():
            network.session.close()

    def _network_for(self, image_hw: tuple[int, int], picture_hw: tuple[int, int], *, wide: bool = True) -> _Network:
        if self._fixed is not None:
            return self._fixed
        wanted_hw = choose_input_size(self._manifest.input, self._input_width, image_hw, picture_hw, wide=wide)
        if wanted_hw not in self._networks:
            network = _Network(self._opener(wanted_hw), self._manifest)
            if network.input_hw != wanted_hw:
                return self._settle_on(network)
            self._networks[wanted_hw] = network
        self._networks.move_to_end(wanted_hw)
        self._close_oldest()
        return self._networks[wanted_hw]

    def _settle_on(self, network: _Network) -> _Network:
        """Use a network of fixed size for every image from now on; one that is open already, where there is one."""
        self._fixed = self._networks.setdefault(network.input_hw, network)
        if self._fixed is not network:
            network.session.close()
        return self._fixed

    def _close_oldest(self) -> None:
        """Close what was used longest ago until the rest are few enough, or small enough together."""
        while (
            len(self._networks) > LEAST_OPEN_SIZES
            and sum(height * width for height, width in self._networks) > MAX_OPEN_PX
        ):
            self._networks.popitem(last=False)[1].session.close()


_Scale = tuple[float, float]
"""Px of the image for one px of the input, across and down."""


class _Network:
    """One open session with the picture that it is fed from."""

    def __init__(self, opened: Opened, manifest: Manifest) -> None:
        self.session, self.input_hw = opened.session, opened.input_hw
        self._input, self._names = manifest.input, manifest.outputs
        self._pictures = np.zeros((1, *opened.input_hw, 3), np.uint8)

    def start(self, image: Image) -> _Scale:
        if self._input.resize == "letterbox":
            scale = letterbox(image, self.input_hw, out=self._pictures[0])[1]
            factors = 1 / scale, 1 / scale
        else:
            stretch(image, self.input_hw, out=self._pictures[0])
            factors = image.shape[1] / self.input_hw[1], image.shape[0] / self.input_hw[0]
        self.session.start({self._input.name: self._pictures})
        return factors

    def wait(self) -> FloatTensors:
        outputs = cast(FloatTensors, self.session.wait())
        first = next(iter(self._names.values()))
        if not np.isfinite(outputs[first].sum()):  # it would pass for nobody there
            raise InferenceFailed(
                f"{self.session.target}: the network's answers are not numbers (NaN or infinity in {first})"
            )
        return {word: outputs[name] for word, name in self._names.items()}


def read_faces(
    manifest: Manifest, outputs: FloatTensors, input_hw: tuple[int, int], scale: tuple[float, float]
) -> Sequence[Detection]:
    """Faces down to the low score in outputs that are there already, named by the decoder's words.

    scale: px of the image for one px of the input, across and down. Raises ManifestError as `NetworkDetector` does.
    """
    decode, thresholds = _need_detector(manifest)
    return _detections(decode(outputs, input_hw, thresholds.low_score), thresholds.nms_iou, scale)


def _need_detector(manifest: Manifest) -> tuple[Decoder, Thresholds]:
    """The manifest's decoder and thresholds. Raises ManifestError where it is not a detector's manifest."""
    decoder = DECODERS.get(manifest.decoder)
    if manifest.decoder == "ssd-heads" and manifest.priors is not None:
        decoder = partial(ssd_heads.decode, priors=manifest.priors)
    if decoder is None or manifest.thresholds is None:
        got = f"decoder {manifest.decoder!r}, thresholds {manifest.thresholds}"
        expected = f"[thresholds] and one of the decoders {', '.join(DECODERS)}, or ssd-heads with [priors]"
        raise ManifestError(explain("not a detector", where=manifest.id, got=got, expected=expected))
    return decoder, manifest.thresholds


def _detections(found: Candidates, nms_iou: float, scale: _Scale) -> list[Detection]:
    """The candidates that are not doubles, best first, as values in px of the image."""
    boxes, scores, landmarks = found.boxes.tolist(), found.scores.tolist(), found.landmarks
    kept = suppress(boxes, scores, nms_iou)
    points: Sequence[Points | None] = [None] * len(kept)
    if landmarks is not None and kept:
        points = list(landmarks[kept] * np.array(scale, np.float32))
    return [
        Detection(_scale_box(boxes[position], scale), scores[position], five)
        for position, five in zip(kept, points, strict=True)
    ]


def _scale_box(corners: Sequence[float], scale: _Scale) -> Box:
    (left, top, right, bottom), (across, down) = corners, scale
    return Box(left * across, top * down, right * across, bottom * down)
