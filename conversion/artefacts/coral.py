"""`coral`: a TFLite file whose operations can all run on the Edge TPU, and the compiled file where it can be made."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

from conversion.artefacts.edgetpu import EdgeTpuReport, hold_against_list
from conversion.artefacts.flatbuffer import read_tflite
from conversion.artefacts.job import Job
from conversion.artefacts.onnx import open_core
from conversion.artefacts.tflite import make_file, rewrite
from conversion.onnx.normalisation import decompose_normalisation
from edge.catalog.manifest import Artefact
from edge.errors import BackendUnavailable, BadInput, explain

_log = logging.getLogger(__name__)
COMPILER = "edgetpu_compiler"
COMPILER_TIMEOUT_S = 600.0
COMPILED_ENDING = "-coral_edgetpu.tflite"
HOW_TO_GET = (
    "edgetpu_compiler (x86-64 Linux only) is not installed, so the file is not compiled: install the package "
    "edgetpu-compiler of Coral's apt repository (coral.ai/docs/edgetpu/compiler) and run `edgetpu_compiler -s %s`"
)


def build_coral(job: Job) -> tuple[Path, ...]:
    """Write `<name>-coral.tflite` and, listed first, `<name>-coral_edgetpu.tflite` where the compiler is there.

    Built as in `conversion.artefacts.tflite.build_tflite`, with local response normalisation decomposed and every
    operation checked against the Edge TPU's list. Raises the same; BadInput also for an operation that is not 8-bit or
    not on the list, and where the compiler refuses the file.
    """
    core, path = open_core(job, "coral"), job.path("-coral.tflite")
    content = make_file(job, core, decompose_normalisation(rewrite(core)))
    _need_listed(hold_against_list(read_tflite(content, path.name)), path.name)
    path.write_bytes(content)
    compiled = compile_for_edgetpu(path)
    if compiled is None:
        return (path,)
    runs_there = job.path(COMPILED_ENDING)
    runs_there.write_bytes(compiled)
    return runs_there, path


def how_to_compile(artefact: Artefact, folder: Path) -> str:
    """How to compile an artefact in its folder that is not compiled yet; empty for any other artefact.

    Call it once the artefact is known to be kept: a hint about a deleted file would be no help.
    """
    paths = [file.path for file in artefact.files]
    if artefact.kind != "coral" or any(path.endswith(COMPILED_ENDING) for path in paths):
        return ""
    return HOW_TO_GET % (folder / paths[0])


def compile_for_edgetpu(file: Path) -> bytes | None:
    """Bytes of the compiled file, None without a compiler.

    Raises BadInput where it refuses the file, BackendUnavailable where it does not run.
    """
    compiler = shutil.which(COMPILER)
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:  # it writes a log beside its output
        command = [compiler, "-s", "-o", scratch, str(file)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=COMPILER_TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BackendUnavailable(COMPILER, f"{compiler} does not run ({error})") from error
        compiled = Path(scratch) / f"{file.stem}_edgetpu.tflite"
        if done.returncode != 0 or not compiled.is_file():
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()] or ["no message"]
            raise BadInput(explain(f"{COMPILER} refuses the file", where=file.name, got=lines[-1][:200]))
        return compiled.read_bytes()


def _need_listed(report: EdgeTpuReport, where: str) -> None:
    """Refuse what cannot run there; log what will be left to the CPU."""
    if report.refused:
        # A DEQUANTIZE or QUANTIZE is only there for the sake of another operation, which is the reason.
        reasons = sorted(report.refused, key=lambda line: "QUANTIZE" in line)
        more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        expected = "8-bit operations of the Edge TPU's list"
        raise BadInput(
            explain(
                "an operation that the Edge TPU does not have", where=where, got=reasons[0] + more, expected=expected
            )
        )
    if report.limited:
        _log.warning("%s: beyond the Edge TPU's limits and left to the CPU: %s", where, "; ".join(report.limited))
