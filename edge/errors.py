"""The error tree: each error is also the builtin that a caller would expect, and carries its exit code.

A message says what is wrong, where, what was got, what was expected and what to do next, in one line. Exit codes that
belong to no error, and the errors for packages that are not installed, are here too.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

CHECK_FAILED = 1
"""A check failed, or the sensor broke down in the middle of a clip."""
KEPT = 3
"""Not everything could be handed over in time: visits to the publisher, events to the broker."""
FRESH_PROCESS = 75
"""The sensor wants a fresh process (EX_TEMPFAIL of sysexits.h): camera or accelerator lost, or paused."""
INTERRUPTED = 130
"""Ctrl-C."""


class PasserbyError(Exception):
    """Base of every error that Passerby raises on purpose."""

    exit_code = 2


def explain(what: str, *, where: str = "", got: object = None, expected: str = "", next_step: str = "") -> str:
    """Join the five parts of an error message into one line; parts that are empty are left out.

    Bytes of a file name that are not UTF-8 are escaped, so that the line can be written anywhere.
    """
    head = f"{where}: {what}" if where else what
    parts = [head]
    if got is not None:
        parts.append(f"got {got}")
    if expected:
        parts.append(f"expected {expected}")
    line = ", ".join(parts)
    whole = " ".join((f"{line}; {next_step}" if next_step else line).split())
    return printable(whole)


def printable(name: str) -> str:
    """A name that can be written as UTF-8 whatever bytes a file system or tar gave it."""
    return name.encode("utf-8", "backslashreplace").decode()


class ConfigError(PasserbyError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


class UsageError(PasserbyError, ValueError):
    """A command was called with arguments that do not fit, or its output cannot be written."""


class BadInput(PasserbyError, ValueError):
    """An image, video, tar or other input cannot be read as what it claims to be."""


class ManifestError(PasserbyError, ValueError):
    """A model's manifest or one of its files is wrong."""


class ModelNotFound(PasserbyError, LookupError):
    """A model or model set is not in the catalog, or its files are not installed."""

    exit_code = 3


class UnknownModel(ModelNotFound):
    """No model or model set of the catalog has this name."""

    exit_code = 2


class BackendUnavailable(PasserbyError, RuntimeError):
    """A target cannot run here (library, device or driver is missing): the only reason to try the next one."""

    exit_code = 3

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"{target}: not available: {reason}")
        self.target = target
        self.reason = reason


class InferenceError(PasserbyError, RuntimeError):
    """A model was refused by its runtime, or its inputs do not fit."""


class InferenceFailed(InferenceError):
    """A runtime gave up an inference that it had begun; a fresh process may succeed."""

    exit_code = FRESH_PROCESS


class AcceleratorLost(InferenceFailed):
    """An accelerator does not answer any more, or cannot be started now; it may come back.

    `fault` is a word of `edge.schemas.vocabulary.AcceleratorFault`.
    """

    def __init__(self, target: str, fault: str, reason: str) -> None:
        super().__init__(explain(f"{target}: the accelerator is not there", got=f"{fault}: {reason}"))
        self.target = target
        self.fault = fault
        self.reason = reason


class SourceUnavailable(PasserbyError, OSError):
    """There is no such camera or source, or it cannot be opened."""

    exit_code = 3


class CameraLost(SourceUnavailable):
    """A source that worked delivers no more frames; it may come back."""


class LinkError(PasserbyError, OSError):
    """The link between sensor and publisher broke or was refused."""

    exit_code = 3


class MessageRejected(PasserbyError, ValueError):
    """A link message does not fit its schema. Carries a reason, never the content."""


class OutboxFull(PasserbyError, OSError):
    """The outbox cannot take the event (disk full or bound reached); the event stays with the sender."""

    exit_code = 3


class AlreadyRunning(PasserbyError, OSError):
    """Another process holds the state folder."""

    exit_code = 3


class LockUnavailable(PasserbyError, RuntimeError):
    """The sensor cannot lock itself on this system."""

    exit_code = 3


class BrokerError(PasserbyError, OSError):
    """The broker's address is malformed, or the broker refuses this client."""

    exit_code = 3


def need_packages(whose: str, packages: Iterable[str], *, extra: str) -> None:
    """Raise BackendUnavailable for the first that is not installed. whose: the command or part that needs them."""
    if missing := first_missing(packages):
        raise missing_package(whose, missing, extra=extra)


def first_missing(packages: Iterable[str]) -> str:
    """The first that is not installed, or an empty text.

    Of a dotted name the first part is checked: `google.protobuf` is missing where `google` is.
    """
    return next((name for name in packages if find_spec(name.partition(".")[0]) is None), "")


def missing_package(whose: str, package: str, *, extra: str) -> BackendUnavailable:
    """The error that names the package and the extra that brings it."""
    return BackendUnavailable(whose, f"package {package} is missing; install passerby[{extra}]")
