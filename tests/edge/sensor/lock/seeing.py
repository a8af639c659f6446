"""A small sensor: opens a clip, compiles YuNet in OpenVINO, locks itself, looks at every frame, then tries to leak.

Arguments: clip, network (ONNX), a folder to leak into. Prints what became of it as JSON. Run by test_strace.py.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.sensor.inference.openvino import import_openvino, the_core
from edge.sensor.lock.walls import lock_sensor

HEIGHT, WIDTH = 192, 320


def compiled(network: str) -> Any:
    """YuNet for two threads, so that OpenVINO's own threads are behind the lock too."""
    core = the_core(import_openvino("seeing"))
    model = core.read_model(network)
    model.reshape([1, 3, HEIGHT, WIDTH])
    return core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 2})


def best_score(outputs: dict[str, NDArray[np.float32]]) -> float:
    """Highest face score of a frame over the three strides."""
    return max(float(np.sqrt(outputs[f"cls_{s}"] * outputs[f"obj_{s}"].clip(0, 1)).max()) for s in (8, 16, 32))


def leak(frame: NDArray[np.uint8], folder: Path) -> dict[str, str]:
    """Try to get a frame out, the obvious ways."""
    import cv2

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"face", ("127.0.0.1", 9))

    attempts: dict[str, Callable[[], object]] = {
        "cv2.imwrite": lambda: cv2.imwrite(str(folder / "face.jpg"), frame),
        "cv2.VideoWriter": lambda: cv2.VideoWriter(str(folder / "face.avi"), 0, 25, (64, 64)).isOpened(),
        "numpy.save": lambda: np.save(folder / "face.npy", frame),
        "open": lambda: (folder / "face").write_bytes(frame.tobytes()),
        "/dev/shm": lambda: Path("/dev/shm/passerby-face").write_bytes(frame.tobytes()),
        "udp": send,
    }
    outcomes = {}
    for name, attempt in attempts.items():
        try:
            outcomes[name] = str(attempt())
        except OSError as error:
            outcomes[name] = type(error).__name__
        except cv2.error:
            outcomes[name] = "cv2.error"
    return outcomes


def main(clip: str, network: str, folder: Path) -> None:
    """See every frame of the clip behind the lock."""
    import cv2

    capture = cv2.VideoCapture(clip)
    request = compiled(network).create_infer_request()
    report = lock_sensor()
    frames = faces = 0
    last = np.zeros((64, 64, 3), np.uint8)
    while True:
        ok, image = capture.read()
        if not ok:
            break
        last = image
        frames += 1
        small = cv2.resize(image, (WIDTH, HEIGHT)).transpose(2, 0, 1)[None].astype(np.float32)
        found = request.infer([np.ascontiguousarray(small)])
        named = {name: value for port, value in found.items() for name in port.names}
        faces += best_score(named) > 0.6
    print(json.dumps({"lock": str(report), "frames": frames, "with_face": faces, "leak": leak(last, folder)}))


if __name__ == "__main__":
    os.environ["OPENCV_LOG_LEVEL"] = "OFF"
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
