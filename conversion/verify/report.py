"""The report of a conversion: as JSON, as a table and as a plot."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from conversion.verify.old_runtimes import RuntimeCheck
from conversion.verify.tensors import EDGES
from edge.files import write_folder
from edge.workbench.pages.page import Rows

TOOLS = ("passerby", "onnx", "onnxslim", "onnxruntime", "openvino", "nncf", "opencv-python-headless", "ai-edge-litert")


class ArtefactReport(Struct, frozen=True, kw_only=True):
    """One artefact compared with the reference. Sets are `calibration` and `held_out`; old_runtimes are for `ncs2`."""

    kind: str
    bytes: int
    tensors: dict[str, dict[str, dict[str, float]]]
    metrics: dict[str, dict[str, float]]
    latency_ms: dict[str, float]
    distribution: tuple[int, ...]
    failures: tuple[str, ...]
    note: str = ""
    old_runtimes: tuple[RuntimeCheck, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it passed the recipe's gate."""
        return not self.failures


class Report(Struct, frozen=True, kw_only=True):
    """The content of `report.json`."""

    id: str
    reference: str
    reference_latency_ms: dict[str, float]
    pictures: dict[str, int]
    artefacts: tuple[ArtefactReport, ...]
    machine: str
    tools: dict[str, str]
    schema: Literal["passerby.conversion/1"] = "passerby.conversion/1"


def describe_machine() -> str:
    """Processor family, cores and system."""
    return f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"


def tool_versions() -> dict[str, str]:
    """Installed versions of the packages that take part in a conversion."""
    found = {}
    for name in TOOLS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_report(report: Report, folder: Path) -> None:
    """Write `report.json` and `errors.png` into a folder, each whole. Raises UsageError where it cannot be written."""
    files = {"report.json": msgspec.json.format(msgspec.json.encode(report), indent=2), "errors.png": _plot(report)}
    write_folder(folder, files)


def table(report: Report) -> Rows:
    """The report as a table: measures in rows, the reference and each artefact in columns."""
    words = sorted({word for each in report.artefacts for word in each.metrics.get("held_out", {})})
    heads = ("", "kB", "ms 1|2 threads", "largest error", *words, "gate")
    first = ("reference", "", _latency(report.reference_latency_ms), "", *("" for _ in words), report.reference)
    columns = [first, *(_row(each, words) for each in report.artefacts)]
    measures = list(zip(heads, *columns, strict=True))
    return Rows("", measures[0], measures[1:])


def _row(each: ArtefactReport, words: list[str]) -> tuple[str, ...]:
    metrics, tensors = each.metrics.get("held_out", {}), each.tensors.get("held_out", {})
    largest = ", ".join(f"{word} {error['max']:.2g}" for word, error in _worst(tensors))
    cells = (f"{metrics[word]:.4g}" if word in metrics else "" for word in words)
    verdict = "; ".join(each.failures or filter(None, ("passed" if metrics else "", each.note)))
    return each.kind, f"{each.bytes / 1000:.0f}", _latency(each.latency_ms), largest, *cells, verdict


def _worst(tensors: dict[str, dict[str, float]]) -> list[tuple[str, dict[str, float]]]:
    """At most two outputs, the worst first."""
    return sorted(tensors.items(), key=lambda entry: -entry[1]["max"])[:2]


def _latency(found: dict[str, float]) -> str:
    return " | ".join(f"{found[threads]:.2f}" for threads in sorted(found))


def _plot(report: Report) -> bytes:
    """PNG of the distribution of the absolute errors of all outputs, one line for each artefact."""
    from edge.workbench.pages.drawing import label, legend, new_figure, png, series_colour

    figure, axes = new_figure(8, 4.5)
    for number, each in enumerate(one for one in report.artefacts if sum(one.distribution)):
        shares = [count / sum(each.distribution) for count in each.distribution]
        axes.stairs(shares, EDGES, label=each.kind, color=series_colour(number))
    axes.set_xscale("log")
    label(axes, f"{report.id} against {report.reference}", "absolute error of an output", "share of values")
    legend(axes)
    return png(figure)
