"""Runs the reference and the artefacts on the same pictures and compares the results with the recipe's gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from conversion.artefacts.job import Infer
from conversion.request.pictures import PictureSet
from conversion.request.recipe import Gate
from conversion.verify.attributes import AttributeTally
from conversion.verify.detection import DetectionTally
from conversion.verify.latency import measure
from conversion.verify.networks import RUNS_AS, Network, Outputs
from conversion.verify.old_runtimes import RuntimeCheck, check_old_runtimes
from conversion.verify.report import ArtefactReport, Report, describe_machine, tool_versions
from conversion.verify.tensors import TensorTally
from conversion.verify.verdict import failures
from edge.catalog.manifest import Manifest
from edge.errors import BadInput, explain
from edge.workbench.labelled.samples import Sample

THREADS = 2
REFERENCE = "reference"
OLD_RUNTIMES_PICTURES = 3
COMPILED = "compiled for the Edge TPU: not run here; checked before it was compiled"


@dataclass(frozen=True, slots=True)
class Check:
    """What a verification compares on: sets of pictures by name, the gate, and labels where there are any."""

    sets: Mapping[str, PictureSet]
    gate: Gate
    labels: Mapping[str, Sample] = field(default_factory=dict)


class Tally:
    """Everything counted for one artefact on one set of pictures."""

    def __init__(self, manifest: Manifest, labels: Mapping[str, Sample]) -> None:
        self.tensors = TensorTally()
        self._manifest = manifest
        self._counted = DetectionTally(manifest) if manifest.task == "detection" else AttributeTally(manifest, labels)

    def add(self, name: str, px: tuple[float, float], reference: Outputs, artefact: Outputs) -> None:
        """Add one picture's outputs. Raises BadInput where the decoder cannot read them."""
        try:
            self.tensors.add(reference, artefact)
            if isinstance(self._counted, DetectionTally):
                self._counted.add(reference, artefact, px)
            else:
                self._counted.add(name, reference, artefact)
        except (KeyError, IndexError, ValueError) as error:
            raise _unreadable(self._manifest, artefact) from error

    def metrics(self) -> dict[str, float]:
        """The task's own metrics, by name."""
        return {key: round(value, 6) for key, value in self._counted.metrics().items()}

    def failures(self, gate: Gate) -> tuple[str, ...]:
        """One line for each metric that misses the gate."""
        return failures(self.metrics(), gate, self._counted.shares())


def _unreadable(manifest: Manifest, outputs: Outputs) -> BadInput:
    what = f"the decoder {manifest.decoder} cannot read these outputs, or their shapes differ from the reference's"
    got = ", ".join(f"{word} {list(values.shape)}" for word, values in outputs.items())
    next_step = "is --like a network of the same kind?"
    return BadInput(explain(what, where=manifest.id, got=got, next_step=next_step))


def need_readable(reference: Network) -> None:
    """Check that the decoder can read the network's outputs, on one grey picture. Raises BadInput where it cannot."""
    running = reference.open(threads=1)
    try:
        outputs = running.infer(np.full((*running.input_hw, 3), 128, np.uint8))
    finally:
        running.close()
    Tally(reference.manifest, {}).add("", (1.0, 1.0), outputs, outputs)


def verify(reference: Network, artefacts: list[Network], check: Check) -> Report:
    """Compare artefacts with the reference on every set; the gate applies to the last one, `held_out`."""
    runnable = [each for each in artefacts if each.runs_here]
    tallies = {name: _compare(reference, runnable, pictures, check) for name, pictures in check.sets.items()}
    last = list(check.sets.values())[-1]
    times = measure({REFERENCE: reference} | {each.kind: each for each in runnable}, last.pictures)
    reports = []
    for each in artefacts:
        found = {name: tally[each.kind] for name, tally in tallies.items() if each.kind in tally}
        olds = _check_old(each, last) if each.kind == "ncs2" else ()
        reports.append(_report(each, found, times.get(each.kind, {}), check.gate, olds))
    return Report(
        id=reference.manifest.id,
        reference=RUNS_AS[reference.kind][0],
        reference_latency_ms=times[REFERENCE],
        pictures={name: len(pictures) for name, pictures in check.sets.items()},
        artefacts=tuple(reports),
        machine=describe_machine(),
        tools=tool_versions(),
    )


def _compare(reference: Network, artefacts: list[Network], pictures: PictureSet, check: Check) -> dict[str, Tally]:
    tallies = {each.kind: Tally(each.manifest, check.labels) for each in artefacts}
    for name, px, expected, found in _infer_all(reference, artefacts, pictures):
        for kind, outputs in found.items():
            tallies[kind].add(name, px, expected, outputs)
    return tallies


def _infer_all(
    reference: Network, artefacts: list[Network], pictures: PictureSet
) -> Iterator[tuple[str, tuple[float, float], Outputs, dict[str, Outputs]]]:
    """Name, scale (px), the reference's outputs and each artefact's, picture by picture."""
    first, others = reference.open(THREADS), {each.kind: each.open(THREADS) for each in artefacts}
    for name, px, picture in zip(pictures.names, pictures.px, pictures.pictures, strict=True):
        expected = {word: values.copy() for word, values in first.infer(picture).items()}
        yield name, px, expected, {kind: other.infer(picture) for kind, other in others.items()}
    for running in (first, *others.values()):
        running.close()


def _check_old(network: Network, pictures: PictureSet) -> tuple[RuntimeCheck, ...]:
    """The IR in OpenVINO 2022.3 and the ONNX file in 2021.4."""
    paths = [network.folder / file.path for file in network.manifest.artefacts[0].files]
    by_ending = {path.suffix: path for path in paths}
    return check_old_runtimes(by_ending[".xml"], by_ending[".onnx"], pictures.pictures[:OLD_RUNTIMES_PICTURES])


def _report(
    network: Network,
    tallies: Mapping[str, Tally],
    times: dict[str, float],
    gate: Gate,
    olds: tuple[RuntimeCheck, ...],
) -> ArtefactReport:
    metrics = {name: tally.metrics() for name, tally in tallies.items()}
    last = list(tallies.values())[-1] if tallies else None
    missed = last.failures(gate) if last else ()
    return ArtefactReport(
        kind=network.kind,
        bytes=sum(file.size for file in network.manifest.artefacts[0].files),
        tensors={name: tally.tensors.errors() for name, tally in tallies.items()},
        metrics=metrics,
        latency_ms=times,
        distribution=tuple(last.tensors.counts.tolist()) if last else (),
        failures=(*missed, *(each.verdict for each in olds if each.failed)),
        note="; ".join(each.verdict for each in olds) if network.runs_here else COMPILED,
        old_runtimes=olds,
    )


class Agreement:
    """How well a network agrees with the reference on some pictures, 0-1: the worst of the task's agreement metrics.

    It is a `Quality` of `conversion.artefacts.job`; the reference runs once, at the first call.
    """

    def __init__(self, reference: Network, pictures: PictureSet) -> None:
        self._reference, self._pictures = reference, pictures
        self._expected: list[Outputs] = []

    def __call__(self, infer: Infer) -> float:
        """Agreement (0-1) of a network given as a function."""
        tally, pictures = Tally(self._reference.manifest, {}), self._pictures
        words = self._reference.manifest.outputs.items()
        self._expected = self._expected or self._infer_reference()
        for name, px, picture, expected in zip(
            pictures.names, pictures.px, pictures.pictures, self._expected, strict=True
        ):
            found = infer(picture)
            tally.add(name, px, expected, {word: found[tensor] for word, tensor in words})
        return _worst(tally.metrics())

    def _infer_reference(self) -> list[Outputs]:
        running = self._reference.open(THREADS)
        found = [
            {word: values.copy() for word, values in running.infer(each).items()} for each in self._pictures.pictures
        ]
        running.close()
        return list(found)


def _worst(metrics: Mapping[str, float]) -> float:
    agreements = [metrics[key] for key in ("recall", "precision", "gender_agreement") if key in metrics]
    if "age_years_mean" in metrics:
        agreements.append(1 - metrics["age_years_mean"] / 100)
    return min(agreements)
