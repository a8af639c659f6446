"""Worker of the Neural Compute Stick 2: OpenVINO 2022.3 or 2021.4 with the MYRIAD plugin, in an interpreter of its own.

Call: `python ncs2.py [DEVICE]`; another device than MYRIAD is for machines without a stick. 2022.3 reads the network's
IR, 2021.4 its ONNX file (docs/conversion.md). Python 3.7 and newer; nothing but numpy and openvino is needed there.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict

import numpy as np
from serving import Fault, Infer, serve

FIRMWARE = ("MVCMD", "firmware", "Firmware")
"""Words in the plugin's messages about the program that it sends to the stick."""


def main() -> int:
    """Serve on the device of the command line."""
    device = sys.argv[1] if len(sys.argv) > 1 else "MYRIAD"
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    code: int = serve(lambda header: _runtime()(header, device))
    return code


def _runtime() -> Callable[[Dict[str, Any], str], Infer]:
    """What opens a network with the OpenVINO that is here."""
    try:
        from openvino.runtime import Core  # noqa: F401

        return open_2022
    except ImportError:
        pass
    try:
        from openvino.inference_engine import IECore  # noqa: F401
    except ImportError as error:
        raise Fault("library", error) from error
    return open_2021


def open_2022(header: Dict[str, Any], device: str) -> Infer:
    """The IR in OpenVINO 2022.3 (the API of 2022.1 and later)."""
    from openvino.runtime import Core

    core = Core()
    if device not in core.available_devices and device != "MYRIAD":
        raise Fault("device", "OpenVINO finds no " + device)
    model = _read(core.read_model, header, ".xml")
    names = {"INFERENCE_PRECISION_HINT": "f32"} if device == "CPU" else {}
    compiled = _compile(lambda: core.compile_model(model, device, names))
    try:
        ports = {name: compiled.output(name) for name in header["outputs"]}
        wanted = compiled.input(header["input"])
    except RuntimeError as error:
        raise Fault("model", error) from error
    run = compiled.create_infer_request()

    def infer(picture: Any) -> Dict[str, Any]:
        found = run.infer({wanted: picture})
        return {name: np.array(found[port]) for name, port in ports.items()}

    return infer


def open_2021(header: Dict[str, Any], device: str) -> Infer:
    """The ONNX file in OpenVINO 2021.4, which names outputs after the layer that makes them."""
    import ngraph
    from openvino.inference_engine import IECore

    engine = IECore()
    network = _read(engine.read_network, header, ".onnx")
    results = ngraph.function_from_cnn(network).get_results()
    layers = {
        result.get_friendly_name(): result.input(0).get_source_output().get_node().get_friendly_name()
        for result in results
    }
    if header["input"] not in network.input_info or not set(header["outputs"]) <= set(layers):
        raise Fault("model", "the file does not have the manifest's tensors")
    network.input_info[header["input"]].precision = "U8"
    options = {"ENFORCE_BF16": "NO"} if device == "CPU" else {}
    loaded = _compile(lambda: engine.load_network(network, device, options))

    def infer(picture: Any) -> Dict[str, Any]:
        found = loaded.infer({header["input"]: picture})
        return {name: np.array(found[layers[name]]) for name in header["outputs"]}

    return infer


def _read(read: Callable[[str], Any], header: Dict[str, Any], suffix: str) -> Any:
    path = next((file for file in header["files"] if file.endswith(suffix)), None)
    if path is None:
        raise Fault("model", "no file for this OpenVINO, which reads " + suffix)
    try:
        return read(path)
    except (RuntimeError, ValueError) as error:
        raise Fault("model", error) from error


def _compile(compile_network: Callable[[], Any]) -> Any:
    """The plugin starts the stick here: it takes some seconds, also to find that there is none."""
    try:
        return compile_network()
    except (RuntimeError, ValueError) as error:
        text = str(error)
        if "is not registered" in text or "libmyriadPlugin" in text or "Cannot load library" in text:
            raise Fault("library", error) from error
        raise Fault("firmware" if any(word in text for word in FIRMWARE) else "device", error) from error


if __name__ == "__main__":
    sys.exit(main())
