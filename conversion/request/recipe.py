"""Recipes: which network to convert, where its files come from, how to read them, and how much an artefact may lose."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from edge.catalog.lookup import Catalog
from edge.catalog.manifest import Artefact, FileName, Manifest, ModelFile, Sha256
from edge.catalog.manifest_file import problem_of
from edge.errors import ManifestError, UnknownModel, explain
from edge.schemas.vocabulary import Name

FOLDER = Path(__file__).parents[1] / "recipes"

StartKind = Literal["caffe", "onnx", "openvino-fp16", "openvino-int8"]
"""What a conversion starts from; the quantizers of an int8 IR are removed first."""

FILES_OF: Mapping[StartKind, int] = {"caffe": 2, "onnx": 1, "openvino-fp16": 2, "openvino-int8": 2}


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class SourceFile(_Part, frozen=True, kw_only=True):
    """A file that a conversion reads. Without sha256 it is found by its name, only in a folder that the user gives."""

    path: FileName
    sha256: Sha256 | Literal[""] = ""
    size: Annotated[int, Meta(ge=0)] = 0
    url: str = ""
    found_as: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.sha256) != bool(self.size):
            raise ValueError("sha256 and size belong together")


class Gate(_Part, frozen=True, kw_only=True):
    """What an artefact must reach on pictures that calibration did not use; keys are the report's metrics."""

    least: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)


class Int8(_Part, frozen=True, kw_only=True):
    """How int8 is made."""

    keep_float: Annotated[tuple[str, ...], Meta(description="Layers that stay in float.")] = ()
    max_drop: Annotated[
        float | None, Meta(description="Turn layers back to float until the metric drops by at most this; null: never.")
    ] = None


class Recipe(_Part, frozen=True, kw_only=True):
    """The content of a recipe's file."""

    schema: Literal["passerby.recipe/1"]
    id: Name
    model: Annotated[Name, Meta(description="Network of the catalog whose manifest is the base.")]
    start: Annotated[tuple[StartKind, ...], Meta(min_length=1, description="Kinds to start from, best first.")]
    gate: Gate
    int8: Int8 = field(default_factory=Int8)
    manifest: Annotated[
        dict[str, Any], Meta(description="Keys that differ from the base manifest's; tables are merged.")
    ] = field(default_factory=dict)
    files: Annotated[tuple[SourceFile, ...], Meta(description="In place of the base's own files.")] = ()


def recipe_names() -> list[str]:
    """Names of the recipes that are part of the program."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read_recipe(name: str) -> Recipe:
    """Read one of the program's recipes by its name, or one by its file. Raises UnknownModel, ManifestError."""
    file = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not file.is_file() and name.endswith(".toml"):
        raise UnknownModel(explain("no such file", where=name, expected="a recipe's .toml, or a recipe's name"))
    if not file.is_file():
        near = difflib.get_close_matches(name, recipe_names(), n=1)
        advice = f"did you mean {near[0]}?" if near else "or the path of a recipe's .toml"
        expected = " | ".join(recipe_names())
        raise UnknownModel(explain("unknown recipe", got=name, expected=expected, next_step=advice))
    try:
        return msgspec.toml.decode(file.read_bytes(), type=Recipe)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ManifestError(explain(str(error), where=str(file))) from error


def manifest_of(recipe: Recipe, catalog: Catalog) -> Manifest:
    """The manifest of the network that the recipe converts, with the files it starts from. Raises ManifestError."""
    base = catalog.original(recipe.model)
    tree = msgspec.to_builtins(base) | {"id": recipe.id, "metrics": {}}
    for key, value in recipe.manifest.items():
        merges = isinstance(value, dict) and isinstance(tree.get(key), dict) and key not in ("outputs", "priors")
        tree[key] = tree[key] | value if merges else value
    try:
        manifest = msgspec.convert(tree, Manifest)
    except msgspec.ValidationError as error:
        raise ManifestError(explain(str(error), where=f"recipe {recipe.id}")) from error
    problem = problem_of(manifest)
    if problem and manifest.decoder != "ssd-heads":  # conversion reads its priors from the network itself
        raise ManifestError(explain(problem, where=f"recipe {recipe.id}"))
    return manifest


def start_files(recipe: Recipe, manifest: Manifest) -> list[tuple[StartKind, tuple[SourceFile, ...]]]:
    """Kinds and files that the conversion can start from, best first. Raises ManifestError where there are none."""
    if recipe.files:
        kind, got = recipe.start[0], len(recipe.files)
        if got != FILES_OF[kind]:
            expected = f"{FILES_OF[kind]} to start from {kind}"
            raise ManifestError(explain("number of files", where=f"recipe {recipe.id}", got=got, expected=expected))
        return [(kind, recipe.files)]
    found = [
        (kind, tuple(_source(file) for file in artefact.files))
        for kind in recipe.start
        for artefact in manifest.artefacts
        if artefact.kind == kind
    ]
    if not found:
        kinds = ", ".join(_kinds(manifest.artefacts))
        raise ManifestError(
            explain("no file to start from", where=recipe.id, got=kinds, expected=" or ".join(recipe.start))
        )
    return found


def _kinds(artefacts: tuple[Artefact, ...]) -> list[str]:
    return sorted({artefact.kind for artefact in artefacts})


def _source(file: ModelFile) -> SourceFile:
    return SourceFile(path=file.path, sha256=file.sha256, size=file.size, url=file.url, found_as=file.found_as)
