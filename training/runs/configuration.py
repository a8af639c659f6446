"""Configurations of training runs: those that come with the program, and files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from edge.errors import ConfigError, explain

CONFIGS = Path(__file__).parents[1] / "configs"
DETECTION_CONFIGS = CONFIGS / "detection"

LARGEST_SEED = 2**31 - 1
"""Epochs derive their own seeds from it, which have to fit into 64 bits."""
Seed = Annotated[int, Meta(ge=0, le=LARGEST_SEED, description="Seed of everything random.")]

C = TypeVar("C", bound=Struct)


def find_config(name: str, form: type[C], folder: Path = CONFIGS) -> C:
    """A configuration that comes with the program, by name, or the one in a file. Raises ConfigError."""
    carried = {path.stem: path for path in folder.glob("*.toml")}
    if name not in carried and not name.endswith(".toml"):
        expected = f"{' | '.join(sorted(carried))}, or a .toml file"
        raise ConfigError(explain("unknown configuration", got=name, expected=expected))
    return read_config(carried.get(name, Path(name)), form)


def read_config(path: Path, form: type[C]) -> C:
    """Read the configuration in a TOML file. Raises ConfigError, which names the file and the key."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=form)
    except OSError as error:
        raise ConfigError(explain(f"cannot be read ({error.strerror})", where=str(path))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(explain(str(error), where=str(path))) from error
