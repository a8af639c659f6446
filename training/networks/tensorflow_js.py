"""Weights in TensorFlow.js' form: a JSON manifest that describes the layout of the files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from edge.errors import BadInput, explain


class Quantization(Struct, frozen=True):
    """value = stored * scale + min."""

    dtype: Literal["uint8", "uint16", "float16"]
    scale: float = 1.0
    min: float = 0.0


class Entry(Struct, frozen=True):
    """One tensor."""

    name: str
    shape: tuple[Annotated[int, Meta(ge=0)], ...]
    dtype: Literal["float32", "int32"]
    quantization: Quantization | None = None


class Group(Struct, frozen=True):
    """Tensors stored one after another in files, which are read as one."""

    paths: tuple[str, ...]
    weights: tuple[Entry, ...]


class Model(Struct, frozen=True, rename="camel"):
    """A network's graph, which is not read, and its weights."""

    weights_manifest: tuple[Group, ...]


def read_weights(manifest: Path) -> dict[str, NDArray[np.float32]]:
    """Read all tensors of a manifest, or of a model that contains one, as float32, by name.

    Raises BadInput for a file that is missing, torn or neither.
    """
    try:
        found = msgspec.json.decode(manifest.read_bytes(), type=tuple[Group, ...] | Model)
        groups = found.weights_manifest if isinstance(found, Model) else found
        return {name: value for group in groups for name, value in _read_group(group, manifest)}
    except OSError as error:
        where = str(error.filename or manifest)
        raise BadInput(explain(f"weights cannot be read ({error.strerror})", where=where)) from error
    except msgspec.DecodeError as error:
        raise BadInput(explain(f"not a weights manifest of TensorFlow.js ({error})", where=str(manifest))) from error


def _read_group(group: Group, manifest: Path) -> Iterator[tuple[str, NDArray[np.float32]]]:
    content = b"".join((manifest.parent / Path(path).name).read_bytes() for path in group.paths)
    at = 0
    for entry in group.weights:
        stored = np.dtype(entry.quantization.dtype if entry.quantization else entry.dtype)
        end = at + stored.itemsize * int(np.prod(entry.shape))
        if end > len(content):
            got = f"{len(content):,} bytes"
            raise BadInput(explain("weights end early", where=f"{manifest} {entry.name}", got=got, expected=f"{end:,}"))
        values = np.frombuffer(content[at:end], stored).reshape(entry.shape).astype(np.float32)
        if entry.quantization:
            values = values * np.float32(entry.quantization.scale) + np.float32(entry.quantization.min)
        yield entry.name, values
        at = end
