"""`passerby evaluate calibrate`: temperatures and thresholds for a manifest, from validation photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from edge.errors import UsageError, explain
from edge.schemas.taxonomy import taxonomy
from edge.terminal.options import ConfigFile, Overrides, TargetList, settings_from, with_flags
from training.evaluation.options import AsJson, Images, IsAligned, Labels, Limit

if TYPE_CHECKING:
    from training.evaluation.calibrate.calibration import Part, Rule


def calibrate(
    images: Images,
    labels: Labels = None,
    model_set: Annotated[str | None, typer.Option("--model-set", help="Model set of the catalog.")] = None,
    network: Annotated[str | None, typer.Option("--network", metavar="ID", help="A single attribute network.")] = None,
    target: TargetList = None,
    aligned: IsAligned = False,
    limit: Limit = None,
    gender_right: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of reported genders that must be right.")
    ] = 0.97,
    age_right: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of reported brackets that must be right.")
    ] = 0.5,
    gender_ages: Annotated[str, typer.Option(help="Ages that gender is fitted on: `all` or a span.")] = "13+",
    age_ages: Annotated[str, typer.Option(help="Ages that brackets are fitted on: `all` or a span.")] = "all",
    as_json: AsJson = False,
    config: ConfigFile = None,
    overrides: Overrides = None,
) -> None:
    """Fit temperatures and the thresholds of `unknown`; print the manifest's `[calibration]`.

    Use validation photographs only: on those it was trained on, a network is surer than it should be.

    Examples:
      passerby evaluate calibrate --images validation.tar --model-set best
    """
    from training.evaluation.calibrate.calibration import Rule, calibrate
    from training.evaluation.opening import look_at_each, open_data_sets, subjects

    settings = settings_from(config, with_flags(overrides, models_targets=target))
    if len(images) != 1:
        raise UsageError(explain("calibration takes one data set", where="--images", got=len(images), expected="one"))
    if model_set and network:
        raise UsageError(explain("--model-set and --network exclude each other"))
    rule = Rule(taxonomy(settings.attributes.taxonomy), gender_right, age_right, gender_ages, age_ages)
    sets = open_data_sets(images, labels, aligned=aligned, limit=limit)
    opened = subjects([model_set] if model_set else None, [network] if network else None, settings, aligned=aligned)
    (parts,), _ = look_at_each(opened, sets, lambda subject, _, seen: calibrate(subject, seen, rule), quiet=as_json)
    _print(parts, rule, sets[0].name, as_json=as_json)


def _print(parts: list[Part], rule: Rule, data_set: str, *, as_json: bool) -> None:
    from edge.workbench.pages.printing import print_json
    from training.evaluation.calibrate.calibration import new_calibration, toml_lines

    manifests = {part.manifest.id: part.manifest for part in parts}
    if as_json:
        print_json({name: msgspec.to_builtins(new_calibration(parts, each)) for name, each in manifests.items()})
        return
    blocks = ["\n".join(toml_lines(parts, manifest, rule, data_set)) for manifest in manifests.values()]
    typer.echo("\n\n".join(blocks))
