"""Who is at the other end of a Unix socket, according to the kernel (unix(7), SO_PEERCRED)."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Collection
from typing import NamedTuple

from edge.errors import ConfigError, LinkError, explain

_UCRED = struct.Struct("iII")

SOCKET_NAME = "link.sock"
"""Name of the socket in the state folder."""


class Peer(NamedTuple):
    """Process that made the other end: the one that connected, or the one that listens."""

    pid: int
    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    """Credentials of the other end. Raises OSError where the socket is not connected."""
    return Peer(*_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


def trusted_uids() -> frozenset[int]:
    """Our own user, and root, which makes the socket where systemd does."""
    return frozenset({os.getuid(), 0})


def user_id(name: str) -> int:
    """Id of a user of this machine. Raises ConfigError."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise _unknown("user", name) from error


def group_id(name: str) -> int:
    """Id of a group of this machine. Raises ConfigError."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise _unknown("group", name) from error


def check_peer(connection: socket.socket, uids: Collection[int]) -> Peer:
    """Credentials of the other end. Raises LinkError where its user is not one of `uids`."""
    peer = peer_of(connection)
    if peer.uid not in uids:
        expected = " or ".join(str(uid) for uid in sorted(uids))
        raise LinkError(explain("the other end of the link is not trusted", got=f"user {peer.uid}", expected=expected))
    return peer


def _unknown(kind: str, name: str) -> ConfigError:
    return ConfigError(
        explain(f"no such {kind}", got=name, next_step=f"`getent {'passwd' if kind == 'user' else 'group'}` lists them")
    )
