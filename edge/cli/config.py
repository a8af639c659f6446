"""`passerby config`: check, show and explain the settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.errors import ConfigError, PasserbyError, explain
from edge.settings.settings import Settings, Zone
from edge.settings.settings_file import Setting, all_settings, to_toml, toml_value, zone_settings
from edge.settings.zones import TABLE, check_zones
from edge.terminal.commands import Command, commands
from edge.terminal.options import AsJson, ConfigFile, Overrides, parse_overrides, settings_from

if TYPE_CHECKING:
    from edge.settings.faults import Checked


def check(file: Annotated[Path, typer.Argument(help="passerby.toml to check.")], overrides: Overrides = None) -> None:
    """Check a file, the environment and --set: settings, broker address, credentials, name of the model set.

    Every fault is a line with its place. `passerby doctor` checks the rest, on the device.

    Examples:
      passerby config check /etc/passerby/passerby.toml
      passerby config check passerby.toml --set models.set=best

    Exit codes:
      2  something is wrong; each fault is a line on stderr with file and line
    """
    from edge.settings.faults import check_all

    checked = check_all(file, os.environ, parse_overrides(overrides))
    faults = list(dict.fromkeys([*(str(fault.error) for fault in checked.faults), *_faults_together(checked)]))
    for fault in faults[:-1]:
        sys.stderr.write(f"passerby: {fault}\n")
    if faults:
        raise ConfigError(faults[-1])
    typer.echo(f"{file}: ok")


def _faults_together(checked: Checked) -> Iterator[str]:
    """What is wrong with settings that are right one by one. A section with a fault is not tried."""
    from edge.catalog.lookup import open_catalog
    from edge.publisher.assemble import check_events
    from edge.publisher.broker.mqtt_client import check_broker, read_password

    settings, places = checked.settings, checked.places
    faulty = {fault.name.partition(".")[0] for fault in checked.faults}
    checks: tuple[tuple[str, Callable[[], object]], ...] = (
        ("models.set", lambda: open_catalog().model_set(settings.models.set)),
        ("zones", lambda: check_zones(settings.zones)),
        ("publish.events", lambda: check_events(settings)),
        ("broker.url", lambda: check_broker(settings.broker)),
        ("broker.password_file", lambda: read_password(settings.broker)),
    )
    for name, run in checks:
        if name.partition(".")[0] not in faulty:
            try:
                run()
            except PasserbyError as error:
                named = str(error).partition(":")[0]
                place = places.get(named) or places.get(name)
                yield f"{place}: {error}" if place else str(error)


def show(
    config: ConfigFile = None,
    overrides: Overrides = None,
    defaults: Annotated[bool, typer.Option(help="The defaults, regardless of file and environment.")] = False,
    comments: Annotated[bool, typer.Option(help="Explain each setting with its unit and range.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the settings in force, as TOML or JSON.

    Examples:
      passerby config show --config passerby.toml
      passerby config show --defaults --comments > passerby.toml
    """
    import msgspec

    settings = Settings() if defaults else settings_from(config, overrides)
    try:
        text = msgspec.json.encode(settings).decode() if as_json else to_toml(settings, comments=comments)
    except UnicodeEncodeError as error:
        raise ConfigError(explain("a file name that is not UTF-8 cannot be shown", got=repr(error.object))) from error
    typer.echo(text, nl=as_json)


def migrate(
    file: Annotated[Path, typer.Argument(help="passerby.toml to rewrite.")] = Path("passerby.toml"),
    write: Annotated[bool, typer.Option("--write", help="Replace the file; what it was stays as FILE.bak.")] = False,
) -> None:
    """Rewrite a file of an earlier release to today's names of settings and model sets, and print it.

    Comments and order stay.

    Examples:
      passerby config migrate passerby.toml
      passerby config migrate /etc/passerby/passerby.toml --write
    """
    from edge.catalog.lookup import open_catalog
    from edge.settings.aliases import ALIASES
    from edge.settings.migration import Names, migrated, read_text, replace_file

    before = read_text(file)
    after = migrated(before, Names(ALIASES, {"models.set": open_catalog().aliases()}), where=str(file))
    if not write:
        typer.echo(after, nl=False)
    elif after == before:
        typer.echo(f"{file}: every name is today's, nothing to rewrite")
    else:
        typer.echo(f"{file}: rewritten; what it was is {replace_file(file, after)}")


def schema(markdown: Annotated[bool, typer.Option(help="As docs/settings.md.")] = False) -> None:
    """List every setting with its default, what it does, type, range and unit: one line of TOML each.

    Examples:
      passerby config schema | grep camera
    """
    typer.echo(settings_markdown() if markdown else settings_list(), nl=False)


def settings_list() -> str:
    """One line of TOML a setting, with what it does as a comment; the zones are one."""
    lines = [f"{s.name} = {toml_value(s.default)}  # {s.what} ({s.form})\n" for s in all_settings()]
    forms = ", ".join(f"{s.key} ({s.form})" for s in zone_settings())
    return "".join([*lines, f"{TABLE} = []  # {Zone.__doc__} As [[{TABLE}]] tables: {forms}\n"])


def settings_markdown() -> str:
    """docs/settings.md: a table a section."""
    lines = [
        "# Settings",
        "",
        "Generated by `make docs` from `edge/settings/settings.py`; do not edit. A setting comes from `passerby.toml`,",
        "then the environment (`PASSERBY_<SECTION>__<KEY>`), then flags (`--set section.key=value`); each later one",
        "wins. An unknown key or a value out of range is refused, with the nearest key that exists. A name that a key",
        "had in an earlier release goes on working, with a warning; `passerby config migrate` rewrites a file.",
    ]
    section = ""
    for setting in all_settings():
        if setting.section != section:
            section = setting.section
            lines += _section_head(f"[{section}]", type(getattr(Settings(), section)).__doc__)
        lines.append(_row(setting, f"`{toml_value(setting.default)}`"))
    text = f"{Zone.__doc__} In the file only; see [Operations](operations.md#zones)."
    lines += [*_section_head(f"[[{TABLE}]]", text), *(_row(setting, "required") for setting in zone_settings())]
    return "\n".join(lines) + "\n"


def _section_head(name: str, text: str | None) -> list[str]:
    table = ["| key | default | type and range | what |", "|---|---|---|---|"]
    return ["", f"## {name}", "", (text or "").strip(), "", *table]


def _row(setting: Setting, default: str) -> str:
    cells = (f"`{setting.key}`", default, setting.form, setting.what)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


app = commands(
    """Check, show and explain the settings.

    Examples:
      passerby config check /etc/passerby/passerby.toml
      passerby config show --config passerby.toml
    """,
    Command("check", "Check a file, and report every fault with its line.", check),
    Command("show", "Print the settings in force, as TOML or JSON.", show),
    Command("migrate", "Rewrite a file to today's names of settings.", migrate),
    Command("schema", "List every setting with default, range and unit.", schema),
)
