"""`coral`: a TFLite file whose operations can all run on the Edge TPU, and the compiled one where that is possible."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

from conversion.targets.calibration import Pictures
from conversion.targets.core import read_core
from conversion.targets.edgetpu import EdgeTpuReport, hold_against_list
from conversion.targets.errors import TargetRefused
from conversion.targets.flatbuffer import read_tflite
from conversion.targets.graph.normalisation import decompose_normalisation
from conversion.targets.tflite import convert_and_check, prepare
from conversion.targets.writing import write_whole
from edge.errors import BackendUnavailable, explain

LOG = logging.getLogger(__name__)
COMPILER = "edgetpu_compiler"
COMPILER_TIMEOUT_S = 600.0
HOW_TO_GET = (
    "edgetpu_compiler is not installed, so the file is not compiled; it is x86-64 Linux only: install the package "
    "edgetpu-compiler of Coral's apt repository (coral.ai/docs/edgetpu/compiler) and run `edgetpu_compiler -s %s`"
)


def build_coral(core: Path, pictures: Pictures, out: Path) -> None:
    """Make the uncompiled file, and `<stem>_edgetpu.tflite` beside it where edgetpu_compiler is on the PATH.

    As `conversion.targets.tflite.build_tflite`, with local response normalisation decomposed and every operation held
    against the Edge TPU's list. Raises the same, TargetRefused also for an operation that is not 8-bit or not on the
    list, and where the compiler refuses the file. Nothing is written then.
    """
    network = read_core(core)
    model = decompose_normalisation(prepare(network.model))
    content = convert_and_check(network, model, pictures, compare=True)
    with tempfile.TemporaryDirectory() as scratch:
        uncompiled = Path(scratch) / out.name
        uncompiled.write_bytes(content)
        report = hold_against_list(read_tflite(uncompiled))
        _need_listed(report, out)
        compiled = compile_for_edgetpu(uncompiled)
    files = {out: content}
    if compiled is None:
        LOG.warning(HOW_TO_GET, out)
    else:
        files[out.with_name(f"{out.stem}_edgetpu.tflite")] = compiled
    write_whole(files)


def compile_for_edgetpu(file: Path) -> bytes | None:
    """Bytes of the compiled file, None without a compiler. Raises TargetRefused where it refuses the file."""
    compiler = shutil.which(COMPILER)
    if compiler is None:
        return None
    command = [compiler, "-s", "-o", str(file.parent), str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=COMPILER_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendUnavailable(COMPILER, f"{compiler} does not run ({error})") from error
    compiled = file.with_name(f"{file.stem}_edgetpu.tflite")
    if done.returncode != 0 or not compiled.is_file():
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["no message"]
        raise TargetRefused(explain(f"{COMPILER} refuses the file", where=file.name, got=lines[-1][:200]))
    return compiled.read_bytes()


def _need_listed(report: EdgeTpuReport, out: Path) -> None:
    """Refuse what cannot run there; say what will be left to the CPU."""
    if report.refused:
        # Numbers are turned to floats and back for the sake of another operation: that one is the reason.
        reasons = sorted(report.refused, key=lambda line: "QUANTIZE" in line)
        more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        expected = "8-bit operations of the Edge TPU's list"
        raise TargetRefused(
            explain("the Edge TPU has no such operation", where=out.name, got=reasons[0] + more, expected=expected)
        )
    if report.limited:
        LOG.warning("%s: left to the CPU by the Edge TPU's limits: %s", out.name, "; ".join(report.limited))
