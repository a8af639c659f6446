"""Worker of the `openvino-2022.3` environment: an IR's outputs on the CPU.

In: {"model": path, "input": name, "outputs": names}, `pictures` uint8 (N, H, W, 3) BGR. Out: {}, and each output for
all pictures.
"""

from __future__ import annotations

import sys

import framing


def main() -> None:
    """Receive one message, run the network, send the answer."""
    answer = framing.take_stdout()
    header, arrays = framing.receive(sys.stdin.buffer)
    import numpy as np
    from openvino.runtime import Core

    core = Core()
    compiled = core.compile_model(core.read_model(header["model"]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    ports = [compiled.output(name) for name in header["outputs"]]
    runs = []
    for picture in arrays["pictures"]:
        outputs = compiled.infer_new_request({header["input"]: picture[None]})
        runs.append([np.array(outputs[port]) for port in ports])
    joined = {name: np.concatenate(values) for name, values in zip(header["outputs"], zip(*runs))}
    framing.send(answer, {}, joined)


if __name__ == "__main__":
    main()
