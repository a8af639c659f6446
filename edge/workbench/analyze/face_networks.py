"""The networks of a model set in a program of one's own: one image in, its faces out."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import numpy as np

from edge.catalog.lookup import open_catalog
from edge.errors import BadInput, explain
from edge.schemas.analyze import Face
from edge.sensor.assemble import Networks, detector_score, make_fusion, open_networks
from edge.sensor.types import AttributeEstimate, Detection, Image
from edge.settings.settings import Settings
from edge.settings.settings_file import load_settings
from edge.workbench.analyze.lines import LineWriter
from edge.workbench.analyze.pictures import look_at
from edge.workbench.faces import find_with


def open_model_set(name: str | None = None, *, targets: Sequence[str] | None = None) -> FaceNetworks:
    """Open the detector and the estimator of a model set; those of the default settings where an argument is None.

    name: of the catalog (`passerby models list`). targets: in order of preference, such as `["openvino:CPU"]`. Raises
    ConfigError for a name or target that cannot be, ModelNotFound, ManifestError, BackendUnavailable, InferenceError.
    """
    asked = {"models.set": name, "models.targets": None if targets is None else list(targets)}
    settings = load_settings(flags={key: value for key, value in asked.items() if value is not None})
    return FaceNetworks(settings, open_networks(settings, open_catalog()))


class FaceNetworks:
    """The open networks of a model set. Close them, or use them in a `with` block; one thread at a time.

    Images are uint8 (H, W, 3) BGR, as OpenCV reads them; every method raises BadInput for others, InferenceError.
    """

    def __init__(self, settings: Settings, networks: Networks) -> None:
        self._networks = networks
        self._least_px = settings.attributes.min_face_px
        self._find = find_with(networks.detector, detector_score(settings, networks))
        self._writer = LineWriter(make_fusion(settings, networks.manifests[1:]), untrained=networks.untrained)

    def faces(self, image: Image) -> list[Face]:
        """Detect and estimate: each face with its box clipped to the image, apparent age and gender, best score first.

        Age and gender are as in a line of `passerby analyze --json`; None where the set does not give them, or the face
        is smaller than `attributes.min_face_px`.
        """
        found = look_at(self._networks.estimator, image, self.detect(image), self._least_px)
        return self._writer.line("", image, found).faces

    def detect(self, image: Image) -> list[Detection]:
        """Faces whose score reaches the network's own threshold, best first; a box may reach outside the image."""
        return list(self._find(_need_image(image)))

    def estimate(self, image: Image, faces: Sequence[Detection]) -> list[AttributeEstimate]:
        """One look of each face: the networks' own probabilities, without brackets or thresholds; quality is 1.

        Empty for a set without an estimator.
        """
        found = look_at(self._networks.estimator, _need_image(image), faces)
        return [look for face in found for look in face.looks]

    def close(self) -> None:
        """Close every network and end the workers of accelerators."""
        self._networks.detector.close()
        if self._networks.estimator is not None:
            self._networks.estimator.close()
        self._networks.accelerators.close()

    def __enter__(self) -> FaceNetworks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _need_image(image: Image) -> Image:
    """The image itself. Raises BadInput, which names what came instead: OpenCV gives None for a file it cannot read."""
    dtype: object = getattr(image, "dtype", type(image).__name__)
    shape: tuple[int, ...] = getattr(image, "shape", ())
    if dtype == np.uint8 and len(shape) == 3 and shape[2] == 3 and 0 not in shape:
        return image
    raise BadInput(explain("not an image", got=f"{dtype} {shape}", expected="uint8 (H, W, 3) BGR, not empty"))
