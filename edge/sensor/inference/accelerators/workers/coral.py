"""Worker of the Coral Edge TPU: LiteRT with libedgetpu, in an interpreter that has this package.

Call: `python -m edge.sensor.inference.accelerators.workers.coral LIBRARY usb|pci`. A library of another TensorFlow's
ABI ends the process with a segmentation fault, which is why it is a process of its own (google-coral/edgetpu issue
812).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from edge.catalog.manifest import Artefact, Input, ModelFile
from edge.errors import BackendUnavailable, InferenceError
from edge.sensor.inference.accelerators.workers.serving import Fault, Infer, serve
from edge.sensor.inference.request import SessionRequest
from edge.sensor.inference.tflite import load_delegate, open_network


def main() -> int:
    """Serve with the library and the kind of device of the command line."""
    library, device = sys.argv[1:3]
    delegates: list[Any] = []

    def open_one(header: dict[str, Any]) -> Infer:
        if not delegates:
            delegates.append(open_delegate(library, device))
        return _open(header, delegates)

    return serve(open_one, (InferenceError,))


def open_delegate(library: str, device: str) -> Any:
    """The Edge TPU's delegate. Raises Fault, whose reason depends on what is missing."""
    try:
        return load_delegate(library, {"device": device})
    except BackendUnavailable as error:
        raise Fault("library", error.reason) from error
    except OSError as error:
        raise Fault("library", error) from error
    except AttributeError as error:
        raise Fault("library", f"{library} is not an Edge TPU delegate ({error})") from error
    except ValueError as error:  # the library is there and finds no device
        raise Fault("device", f"no Edge TPU at {device} ({error})") from error


def _open(header: dict[str, Any], delegates: list[Any]) -> Infer:
    try:
        network = open_network(request_of(header), delegates)
    except BackendUnavailable as error:
        raise Fault("library", error.reason) from error
    except InferenceError as error:
        raise Fault("model", error) from error
    if network.input_hw != tuple(header["hw"]):
        raise Fault("model", f"the file takes {network.input_hw}, the manifest says {tuple(header['hw'])}")
    return lambda picture: network.infer(picture[0])


def request_of(header: dict[str, Any]) -> SessionRequest:
    """What the adapter is asked for. The file's size and sha256 were checked by the sensor."""
    path = Path(header["files"][0])
    artefact = Artefact(kind="coral", files=(ModelFile(path=path.name, sha256="0" * 64, size=1),))
    wanted = msgspec.convert(header["picture"], Input)
    height, width = header["hw"]
    return SessionRequest(
        header["target"], artefact, path.parent, wanted, tuple(header["outputs"]), (height, width), 1, 1
    )


if __name__ == "__main__":
    sys.exit(main())
