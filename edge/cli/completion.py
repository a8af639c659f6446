"""`passerby completion`: completion of commands and flags in bash, zsh and fish."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

VARIABLE = "_PASSERBY_COMPLETE"
"""How a shell asks for words: `complete_bash` and its like."""


class Shell(str, Enum):
    """Shells whose scripts typer writes."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(ctx: typer.Context, shell: Annotated[Shell, typer.Argument(help="The shell that reads it.")]) -> None:
    """Print the script that makes a shell complete the commands and flags of `passerby` at the Tab key.

    bash and zsh evaluate it in ~/.bashrc or ~/.zshrc (in zsh after `compinit`); fish reads it from a file.

    Examples:
      eval "$(passerby completion bash)"
      passerby completion bash > ~/.local/share/bash-completion/completions/passerby
      eval "$(passerby completion zsh)"
      passerby completion fish > ~/.config/fish/completions/passerby.fish
    """
    from typer.completion import shell_complete

    know_shells()
    shell_complete(ctx.find_root().command, {}, "passerby", VARIABLE, f"source_{shell.value}")


def know_shells() -> None:
    """Let typer know the shells, as its own flags for completion would."""
    from typer.completion import get_completion_inspect_parameters

    get_completion_inspect_parameters()
