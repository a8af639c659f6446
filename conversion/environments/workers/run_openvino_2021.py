"""Worker of the `openvino-2021.4` environment: an ONNX file's outputs on the CPU, and the layers that MYRIAD refuses.

In: {"model": path, "input": name, "outputs": names in the file's order}, `pictures` uint8 (N, H, W, 3) BGR. Out:
{"refused": ["type name" of each layer that the Myriad X plugin does not support]}, and each output for all pictures.
"""

from __future__ import annotations

import sys
from typing import Any

import framing

NO_LAYERS = ("Parameter", "Result", "Constant")


def main() -> None:
    """Receive one message, query the plugin, run the network, send the answer."""
    answer = framing.take_stdout()
    header, arrays = framing.receive(sys.stdin.buffer)
    from openvino.inference_engine import IECore

    engine = IECore()
    network = engine.read_network(header["model"])
    refused = ask_myriad(engine, network)
    network.input_info[header["input"]].precision = "U8"
    outputs = run(engine, network, header, arrays["pictures"])
    framing.send(answer, {"refused": refused}, outputs)


def ask_myriad(engine: Any, network: Any) -> list[str]:
    """Layers that the plugin does not list as supported; the question needs no stick."""
    import ngraph

    taken = engine.query_network(network, "MYRIAD")
    layers = ngraph.function_from_cnn(network).get_ordered_ops()
    left = [layer for layer in layers if layer.get_friendly_name() not in taken]
    return [
        layer.get_type_name() + " " + layer.get_friendly_name()
        for layer in left
        if layer.get_type_name() not in NO_LAYERS
    ]


def run(engine: Any, network: Any, header: dict[str, Any], pictures: Any) -> dict[str, Any]:
    """Outputs by the file's names; this version names them after the layer that computes them."""
    import ngraph
    import numpy as np

    results = ngraph.function_from_cnn(network).get_results()
    layers = [result.input(0).get_source_output().get_node().get_friendly_name() for result in results]
    # On processors with bfloat16 this version computes in it unless that is switched off.
    loaded = engine.load_network(network, "CPU", {"ENFORCE_BF16": "NO"})
    runs = [loaded.infer({header["input"]: picture[None]}) for picture in pictures]
    return {
        name: np.concatenate([outputs[layer] for outputs in runs]) for name, layer in zip(header["outputs"], layers)
    }


if __name__ == "__main__":
    main()
