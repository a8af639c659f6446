"""The rules of the lock, on both machines that Passerby runs on; what they do is tried in test_lock.py."""

from __future__ import annotations

import ctypes
import os
import socket

import pytest

from edge.sensor.lock import rules
from edge.sensor.lock.seccomp import Argument, Compare, Refusal
from tests.conftest import unavailable

pytestmark = pytest.mark.privacy

X86_64, AARCH64 = 0xC000003E, 0xC00000B7
MISSING_BY_DESIGN = {
    X86_64: {"truncate64", "ftruncate64"},
    AARCH64: {
        "creat", "truncate64", "ftruncate64", "mknod", "mkdir", "rename", "link", "symlink", "unlink", "rmdir",
        "chmod", "chown", "lchown", "utime", "utimes", "futimesat", "open",
    },
}  # fmt: skip
"""Calls of other machines or of old ones; each has its successor in the rules."""


@pytest.fixture(scope="module")
def libseccomp() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libseccomp.so.2")
    except OSError:
        unavailable("libseccomp2 is not installed")
        raise


@pytest.mark.parametrize("machine", [X86_64, AARCH64], ids=["x86-64", "aarch64"])
def test_every_rule_finds_its_system_call(libseccomp: ctypes.CDLL, machine: int) -> None:
    names = {refusal.call for refusal in rules.refusals(allow_network=False) if isinstance(refusal.call, str)}
    numbers = {name: libseccomp.seccomp_syscall_resolve_name_arch(machine, name.encode()) for name in names}

    assert not [name for name, number in numbers.items() if number == -1]
    assert {name for name, number in numbers.items() if number < -1} == MISSING_BY_DESIGN[machine]


def _refused_families(*, allow_network: bool) -> set[int]:
    conditions = [r.argument for r in rules.refusals(allow_network=allow_network) if r.call == "socket"]
    return {family for family in range(64) if any(a is not None and _holds(a, family) for a in conditions)}


def _holds(argument: Argument, value: int) -> bool:
    match argument.compare:
        case Compare.EQUAL:
            return value == argument.value
        case Compare.GREATER:
            return value > argument.value
        case Compare.MASKED_EQUAL:
            return value & argument.value == argument.masked
        case _:
            return value != argument.value


def test_only_unix_and_netlink_sockets_are_left() -> None:
    assert set(range(64)) - _refused_families(allow_network=False) == {socket.AF_UNIX, socket.AF_NETLINK}


def test_a_network_camera_also_gets_ip_sockets_and_nothing_else() -> None:
    allowed = set(range(64)) - _refused_families(allow_network=True)

    assert allowed == {socket.AF_UNIX, socket.AF_NETLINK, socket.AF_INET, socket.AF_INET6}


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        (os.O_RDONLY | os.O_CLOEXEC, False),
        (os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK, False),
        (os.O_WRONLY, True),
        (os.O_RDWR, True),
        (os.O_ACCMODE, True),
        (os.O_RDONLY | os.O_CREAT, True),
        (os.O_RDONLY | os.O_TRUNC, True),
        (os.O_RDONLY | os.O_APPEND, True),
        (os.O_TMPFILE, True),
    ],
)
@pytest.mark.parametrize("call", ["open", "openat"])
def test_a_file_may_be_opened_for_reading_only(call: str, flags: int, refused: bool) -> None:
    conditions = [r.argument for r in rules.refusals(allow_network=True) if r.call == call]

    assert any(a is not None and _holds(a, flags) for a in conditions) is refused


def test_a_number_with_a_high_half_is_no_way_around() -> None:
    opened = [r for r in rules.refusals(allow_network=False) if r.call in ("openat", "prctl", "socket")]
    high = 1 << 32

    def refused(call: str, value: int) -> bool:
        return any(r.argument is not None and _holds(r.argument, value) for r in opened if r.call == call)

    assert refused("openat", high | os.O_WRONLY)
    assert refused("prctl", high | 4)
    assert refused("socket", high | socket.AF_INET)


def test_no_rule_stands_twice() -> None:
    found: list[Refusal] = list(rules.refusals(allow_network=False))

    assert len(found) == len(set(found))
