"""Runs inside the root file system: Passerby's picamera source on libcamera's virtual camera.

Arguments: number of frames, then settings of `edge.settings.settings.Camera` as JSON. Prints JSON, a line a frame,
then `closed`.
"""

from __future__ import annotations

import json
import mmap
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

import msgspec
from picamera2 import Picamera2
from picamera2.allocators import LibcameraAllocator
from picamera2.allocators.allocator import Sync

from edge.catalog.lookup import Catalog
from edge.sensor.detection.detector import NetworkDetector
from edge.sensor.inference.opening import open_session
from edge.sensor.pipeline import on_image
from edge.sensor.sources.newest import NewestFrame
from edge.sensor.sources.picamera import PicameraSource, video_configuration
from edge.sensor.sources.rotation import Rotated
from edge.settings.settings import Camera


class WholePlanes(Sync):
    """The virtual camera says that its planes have no bytes; their length is right."""

    def __enter__(self) -> Any:
        planes = self._Sync__fb.planes
        size = sum(plane.length for plane in planes)
        self._Sync__mm = mmap.mmap(planes[0].fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        return self._Sync__mm


class VirtualPicamera2(Picamera2):
    """Picamera2 on a camera that gives NV12 in two planes and no raw pictures."""

    def __init__(self) -> None:
        super().__init__(0)
        self.allocator = LibcameraAllocator(self.camera)
        self.allocator.sync = lambda allocator, buffer, write: WholePlanes(allocator, buffer, write)

    def _get_raw_modes(self) -> list[dict[str, Any]]:
        return [{"format": "NV12", "size": (1280, 960)}]


def main(count: int, camera: Camera) -> None:
    located = Catalog(Path("/srv/passerby/models"), Path("/nowhere"), [Path("/srv/shared/models")]).locate(
        "yunet-2023mar", ["onnx"]
    )
    detector = NetworkDetector(
        lambda hw: open_session(located.manifest, located.folder, ["opencv:CPU"], threads=1, input_hw=hw),
        located.manifest,
    )
    device = VirtualPicamera2()
    device.configure(device.create_video_configuration(**video_configuration(camera, main="NV12", lores="NV12")))
    device.start()
    plain = PicameraSource(device)
    source = NewestFrame(Rotated(plain, camera.rotation_deg) if camera.rotation_deg else plain, 2.0)
    for _ in range(count):
        frame = source.read()
        assert frame is not None
        detector.start(frame.view)
        faces = [face for face in on_image(detector.wait(), frame) if face.score > 0.6]
        told = {
            "image": frame.image.shape,
            "view": frame.view.shape,
            "index": frame.index,
            "at": frame.captured_at,
            "faces": [[round(side) for side in astuple(face.box)] for face in faces],
            "mean": [round(float(value)) for value in frame.image.reshape(-1, 3).mean(0)],
        }
        print(json.dumps(told), flush=True)
    source.close()
    print("closed", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Camera))
