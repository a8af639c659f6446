"""The estimator: views of each face as each network wants them, its outputs through a decoder, one estimate a face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.catalog.manifest import Crop, Manifest
from edge.errors import InferenceError, InferenceFailed, ManifestError, explain
from edge.sensor.attributes import adience, age101, omz
from edge.sensor.attributes.ages import spread
from edge.sensor.attributes.decoded import Attributes, Probs
from edge.sensor.attributes.views import VIEWS, cut_views, fuse
from edge.sensor.ports import InferenceSession
from edge.sensor.types import AttributeEstimate, Detection, Image, Tensors

Decoder = Callable[[Tensors], Attributes]

DECODERS: dict[str, Decoder] = {"age101": age101.decode, "adience": adience.decode, "omz": omz.decode}
"""The manifest's word -> decoder of an attribute network."""


class NetworkEstimator:
    """Implements `edge.sensor.ports.AttributeEstimator` on one network that gives age and gender, or on one for each.

    parts: manifest and open session of each network. max_batch: pictures of one inference, at most what the sessions
    were opened for; more run in turns, and each face has those of `views.VIEWS`. age_probs are in the network's own
    bins: 101 ages, or the classes of its taxonomy; `edge.sensor.attributes.ages.bracket_map` leads to the configured
    one. Raises ManifestError where a manifest is not an attribute network's.
    """

    def __init__(self, parts: Sequence[tuple[Manifest, InferenceSession]], *, max_batch: int = 1) -> None:
        self._parts = [_Part(manifest, session, max_batch) for manifest, session in parts]
        self._qualities: list[float] | None = None

    @property
    def target(self) -> str:
        """The target that runs the first network."""
        return self._parts[0].session.target

    def start(self, image: Image, faces: Sequence[Detection], qualities: Sequence[float]) -> None:
        """See `edge.sensor.ports.AttributeEstimator`; the image may change afterwards."""
        self.start_each([(image, face) for face in faces], qualities)

    def start_each(self, faces: Sequence[tuple[Image, Detection]], qualities: Sequence[float]) -> None:
        """As `start`, for faces that have an image each."""
        for part in self._parts:
            part.start(faces)
        self._qualities = list(qualities)

    def wait(self) -> Sequence[AttributeEstimate]:
        """See `edge.sensor.ports.AttributeEstimator`."""
        if self._qualities is None:
            raise InferenceError(f"{self.target}: wait without start")
        qualities, self._qualities = self._qualities, None
        found = [part.wait() for part in self._parts] if qualities else []
        return [_estimate(found, index, quality) for index, quality in enumerate(qualities)]

    def close(self) -> None:
        """Close every session."""
        for part in self._parts:
            part.session.close()


class _Part:
    """One open network with the pictures that it is fed from."""

    def __init__(self, manifest: Manifest, session: InferenceSession, max_batch: int) -> None:
        self.session = session
        self._manifest, self._max_batch = manifest, max_batch
        self._decode, self._crop = _need_attributes(manifest)
        self._pictures: NDArray[np.uint8] = np.zeros((0, 1, 1, 3), np.uint8)

    def start(self, faces: Sequence[tuple[Image, Detection]]) -> None:
        if not faces:
            return
        hw = self._manifest.input.height_px, self._manifest.input.width_px
        self._pictures = np.stack([view for image, face in faces for view in cut_views(image, face, self._crop, hw)])
        self._begin(0)

    def wait(self) -> Attributes:
        batches = []
        for first in range(0, len(self._pictures), self._max_batch):
            if first:
                self._begin(first)
            batches.append(self._read(self.session.wait()))
        return _join(batches)

    def _begin(self, first: int) -> None:
        self.session.start({self._manifest.input.name: self._pictures[first : first + self._max_batch]})

    def _read(self, outputs: Tensors) -> Attributes:
        named = {word: outputs[name] for word, name in self._manifest.outputs.items()}
        read = self._decode(named)
        if not all(np.isfinite(part).all() for part in read if part is not None):
            raise InferenceFailed(
                f"{self.session.target}: {self._manifest.id} gives answers that are not numbers (NaN or infinity)"
            )
        if read.age_probs is not None or read.age_years is None:
            return read
        return read._replace(age_probs=spread(read.age_years, self._manifest.calibration.age_sigma_years))


def _need_attributes(manifest: Manifest) -> tuple[Decoder, Crop]:
    """The manifest's decoder and crop. Raises ManifestError where it is not an attribute network's manifest."""
    decoder = DECODERS.get(manifest.decoder)
    if decoder is None or manifest.crop is None:
        got = f"decoder {manifest.decoder!r}, crop {manifest.crop}"
        expected = f"[crop] and one of the decoders {', '.join(DECODERS)}"
        raise ManifestError(explain("not an attribute network", where=manifest.id, got=got, expected=expected))
    return decoder, manifest.crop


def _join(batches: Sequence[Attributes]) -> Attributes:
    """Batches of one network, one below the other."""
    if len(batches) == 1:
        return batches[0]
    columns = zip(*batches, strict=True)
    return Attributes(*(None if column[0] is None else np.concatenate(column) for column in columns))


def _estimate(found: Sequence[Attributes], index: int, quality: float) -> AttributeEstimate:
    """What the networks found in the views of one face; a later network fills in what an earlier one does not give."""
    views = slice(index * len(VIEWS), (index + 1) * len(VIEWS))
    ages = _given(part.age_probs for part in found)
    genders = _given(part.gender_probs for part in found)
    years = _given(part.age_years for part in found)
    age = None if ages is None else fuse(ages[views])
    return AttributeEstimate(
        age_probs=age and age.probs,
        gender_probs=None if genders is None else fuse(genders[views]).probs,
        quality=quality,
        age_years=None if years is None else float(years[views].mean()),
        age_spread=age.spread if age else 0.0,
    )


def _given(arrays: Iterable[Probs | None]) -> Probs | None:
    return next((array for array in arrays if array is not None), None)
