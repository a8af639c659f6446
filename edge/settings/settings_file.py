"""Reads settings: TOML, then environment, then flags; each later one wins. An unknown key is an error.

Environment: `PASSERBY_<SECTION>__<KEY>`, such as `PASSERBY_BROKER__URL`. Flags come as {"broker.url": value}.
"""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from edge.errors import ConfigError, explain
from edge.settings.aliases import ALIASES, renamed, warn_of_old_names
from edge.settings.settings import Settings, Zone
from edge.settings.zones import EXAMPLE, TABLE, check_zones, not_here, read_zones

_ENVIRONMENT = re.compile(r"^PASSERBY_([A-Z]+)__([A-Z0-9_]+)$")
_ONE_UNDERSCORE = re.compile(rf"^PASSERBY_({'|'.join(Settings.__struct_fields__)})_([A-Z0-9_]+)$", re.IGNORECASE)
_ZONES = re.compile(rf"^PASSERBY_{TABLE}(_.*)?$", re.IGNORECASE)

Tree = dict[str, Any]
"""Section -> key -> value; the zones are a list of such sections."""


class Setting(NamedTuple):
    """One setting, described for messages and for docs/settings.md."""

    section: str
    key: str
    type: str
    unit: str
    range: str
    default: Any
    what: str

    @property
    def name(self) -> str:
        """`section.key`."""
        return f"{self.section}.{self.key}"

    @property
    def form(self) -> str:
        """Type, range and unit as words: `number 0.1 to 240 frames/s`."""
        kind = "list of" if self.type == "list" else self.type
        return " ".join(part for part in (kind, self.range, self.unit) if part)


def all_settings() -> list[Setting]:
    """Every setting of a section in the order of `edge.settings.settings`; zones come in `zone_settings`."""
    return list(_walk())


def zone_settings() -> list[Setting]:
    """What one table of `[[zones]]` says; nothing of it has a default."""
    info = msgspec.inspect.type_info(Zone)
    assert isinstance(info, msgspec.inspect.StructType)
    return [_describe(TABLE, entry.name, entry.type, None) for entry in info.fields]


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    aliases: Mapping[str, str] = ALIASES,
) -> Settings:
    """Settings from an optional file, an environment and flags. Raises ConfigError in one line.

    `aliases`: earlier names of settings, which keep working, with a warning.
    """
    tree: Tree = {}
    known = {s.name: s for s in all_settings()}
    sources: list[tuple[str, Mapping[str, Any]]] = [] if file is None else [(str(file), read_toml(file))]
    sources += [("environment", from_environment(environment or {})), ("command line", from_flags(flags or {}))]
    for where, addition in sources:
        warn_of_old_names(addition, aliases, where=where)
        merge(tree, renamed(addition, aliases, where=where), known, where=where)
    try:
        settings = msgspec.convert(tree, Settings)
        check_zones(settings.zones)
    except msgspec.ValidationError as error:  # unreachable while merge checks each value
        raise ConfigError(explain(str(error), where=str(file or "settings"))) from error
    except ConfigError as error:
        raise ConfigError(f"{file or 'settings'}: {error}") from error
    return settings


def to_toml(settings: Settings, *, comments: bool = False) -> str:
    """Settings as `passerby.toml`; with comments, every key is explained with its unit and range."""
    tree = msgspec.to_builtins(settings)
    lines: list[str] = []
    section = ""
    for setting in all_settings():
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        if comments:
            lines.append(f"# {setting.what} ({setting.form})")
        lines.append(f"{setting.key} = {toml_value(tree[section][setting.key])}")
    lines += _zone_lines(tree[TABLE], comments=comments)
    return "\n".join(lines).lstrip() + "\n"


def _zone_lines(zones: Sequence[Mapping[str, Any]], *, comments: bool) -> list[str]:
    """The tables, after an example in comments."""
    lines: list[str] = []
    if comments:
        lines += ["", f"# {Zone.__doc__}", f"# [[{TABLE}]]"]
        for setting in zone_settings():
            lines += [f"# # {setting.what} ({setting.form})", f"# {setting.key} = {toml_value(EXAMPLE[setting.key])}"]
    for zone in zones:
        lines += ["", f"[[{TABLE}]]", *(f"{key} = {toml_value(value)}" for key, value in zone.items())]
    return lines


def _walk() -> Iterator[Setting]:
    info = msgspec.inspect.type_info(Settings)
    assert isinstance(info, msgspec.inspect.StructType)
    defaults = Settings()
    for section in info.fields:
        if not isinstance(section.type, msgspec.inspect.StructType):
            continue
        for entry in section.type.fields:
            default = getattr(getattr(defaults, section.name), entry.name)
            yield _describe(section.name, entry.name, entry.type, default)


def _describe(section: str, key: str, kind: msgspec.inspect.Type, default: Any) -> Setting:
    what = unit = allowed = ""
    while isinstance(kind, msgspec.inspect.Metadata):
        schema = kind.extra_json_schema or {}
        what = what or str(schema.get("description", ""))
        extra = kind.extra or {}
        unit, allowed = unit or str(extra.get("unit", "")), allowed or str(extra.get("allowed", ""))
        kind = kind.type
    return Setting(section, key, _type_name(kind), unit, allowed or _range(kind), default, what)


def _type_name(kind: msgspec.inspect.Type) -> str:
    if isinstance(kind, msgspec.inspect.LiteralType):
        return "choice"
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return "list"
    names = {"IntType": "whole number", "FloatType": "number", "BoolType": "true or false", "StrType": "text"}
    return names[type(kind).__name__]


def _range(kind: msgspec.inspect.Type) -> str:
    if isinstance(kind, msgspec.inspect.LiteralType):
        return " | ".join(toml_value(value) for value in kind.values)
    if isinstance(kind, msgspec.inspect.VarTupleType):
        return _range(_bare(kind.item_type))
    if isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.FloatType) and kind.ge is not None:
        return f"{kind.ge:.12g} to {kind.le:.12g}"
    return ""


def _bare(kind: msgspec.inspect.Type) -> msgspec.inspect.Type:
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    return kind


def read_toml(file: Path) -> dict[str, Any]:
    """What a file holds. Raises ConfigError where it cannot be read or is not TOML."""
    try:
        content = msgspec.toml.decode(file.read_bytes().removeprefix(codecs.BOM_UTF8))
    except OSError as error:
        raise ConfigError(explain(f"cannot be read ({error.strerror})", where=str(file))) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(explain(f"not valid TOML: {error}", where=str(file))) from error
    assert isinstance(content, dict)
    return content


def from_environment(environment: Mapping[str, str]) -> Tree:
    """Values of `PASSERBY_<SECTION>__<KEY>`. Raises ConfigError for one underscore in place of two, and for zones."""
    tree: Tree = {}
    for name, value in environment.items():
        if _ZONES.match(name):
            raise not_here("environment", name)
        if match := _ENVIRONMENT.match(name):
            tree.setdefault(match[1].lower(), {})[match[2].lower()] = Text(value)
        elif slip := _ONE_UNDERSCORE.match(name):
            meant = f"PASSERBY_{slip[1]}__{slip[2]}"
            raise ConfigError(explain(f"unknown variable {name}", where="environment", next_step=f"write {meant}"))
    return tree


def from_flags(flags: Mapping[str, Any]) -> Tree:
    """Values of flags by `section.key`; None was not given. Raises ConfigError for zones."""
    tree: Tree = {}
    for name, value in flags.items():
        if value is not None:
            section, _, key = name.partition(".")
            if section == TABLE:
                raise not_here("command line", name)
            tree.setdefault(section, {})[key] = value
    return tree


class Text(str):
    """A value from the environment or a flag: text that may stand for a number, a boolean or a list."""

    __slots__ = ()


def merge(tree: Tree, addition: Mapping[str, Any], known: Mapping[str, Setting], *, where: str) -> None:
    """Check values and put them into a tree. Raises ConfigError for the first that is unknown or wrong."""
    for section, entries in addition.items():
        if section == TABLE:
            tree.setdefault(TABLE, []).extend(read_zones(entries, where))
            continue
        if not isinstance(entries, dict):
            raise _unknown(section, known, where)
        for key, value in entries.items():
            setting = known.get(f"{section}.{key}")
            if setting is None:
                raise _unknown(f"{section}.{key}", known, where)
            tree.setdefault(section, {})[key] = _checked(setting, value, where)


def _unknown(name: str, known: Mapping[str, Setting], where: str) -> ConfigError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    by_key = [n for n in known if n.split(".")[1] == name.rsplit(".", maxsplit=1)[-1]]
    guess = (by_key or near or [""])[0]
    advice = f"did you mean {guess}?" if guess else "`passerby config schema` lists every key"
    return ConfigError(explain(f"unknown setting {name}", where=where, next_step=advice))


def _checked(setting: Setting, value: Any, where: str) -> Any:
    section = getattr(Settings(), setting.section)
    text = isinstance(value, Text)
    candidate = {setting.key: _spread(setting, value) if text else value}
    if any(_has_control_character(word) for word in _words(candidate[setting.key])):
        raise ConfigError(
            explain(setting.name, where=where, got=repr(value), expected="no line end, no control character")
        )
    try:
        kept = msgspec.convert(candidate, type(section), strict=not text)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(setting.name, where=where, got=repr(value), expected=setting.form)) from error
    return msgspec.to_builtins(getattr(kept, setting.key))


def _has_control_character(text: str) -> bool:
    return any(character < " " or character == "\x7f" for character in text)


def _words(value: Any) -> list[str]:
    """Texts of a value, one or a list."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _spread(setting: Setting, value: str) -> Any:
    if setting.type != "list":
        return str(value)
    return [] if value.strip() in ("", "[]") else [part.strip() for part in value.split(",")]


def toml_value(value: Any) -> str:
    """A value as one writes it in TOML: text, a number, a boolean, or a list of them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")  # JSON, but TOML escapes DEL too
    return repr(value)
