"""Worker of an accelerator that is none: today's OpenVINO on the CPU, behind a worker's pipes and lock.

Call: `python stand_in.py WORKERS UNPLUGGED`: the folder of the workers' modules, and a file whose presence means that
the stick is not plugged in.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(workers: str, unplugged: Path) -> int:
    """Serve until the sensor hangs up."""
    sys.path.insert(0, workers)
    from serving import Fault, serve

    def open_network(header: dict[str, Any]) -> Any:
        if unplugged.exists():
            raise Fault("device", "no stick is plugged in")
        infer = compile_on_cpu(header)

        def answer(picture: Any) -> dict[str, Any]:
            if unplugged.exists():
                raise Fault("device", "the stick was unplugged")
            return infer(picture)

        return answer

    code: int = serve(open_network)
    return code


def compile_on_cpu(header: dict[str, Any]) -> Any:
    """The ONNX file of a detector that takes BGR 0-255, float32 (1, 3, H, W)."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    from openvino import Core

    core = Core()
    model = core.read_model(header["files"][0])
    model.reshape({header["input"]: [1, 3, *header["hw"]]})
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})
    ports = {name: compiled.output(name) for name in header["outputs"]}
    run = compiled.create_infer_request()

    def infer(picture: Any) -> dict[str, Any]:
        found = run.infer({header["input"]: picture.transpose(0, 3, 1, 2).astype(np.float32)})
        return {name: np.array(found[port]) for name, port in ports.items()}

    return infer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
