"""Reads a broker's address, `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`, without ever showing a password in it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from edge.errors import ConfigError, explain

PORTS = {"mqtt": 1883, "mqtts": 8883}
"""Registered ports of MQTT, plain and over TLS (IANA)."""


class BrokerAddress(NamedTuple):
    """Where the broker listens, and whether TLS is spoken there."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def parse_broker_url(url: str) -> BrokerAddress:
    """Host, port and TLS of an address. Raises ConfigError, in one line, for anything else."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise _malformed(url, str(error)) from None
    if parts.scheme not in PORTS:
        raise _malformed(url, f"scheme {parts.scheme!r} is not known" if parts.scheme else "it has no scheme")
    if parts.username is not None or parts.password is not None:
        raise _malformed(url, "it holds a user or password", "set broker.username and broker.password_file instead")
    return BrokerAddress(_host(parts, url), PORTS[parts.scheme] if port is None else port, parts.scheme == "mqtts")


def _host(parts: SplitResult, url: str) -> str:
    host = parts.hostname or ""
    if not host or any(sign.isspace() or not sign.isprintable() for sign in host) or len(host) > 253:
        raise _malformed(url, "it has no usable host")
    if parts.port == 0:
        raise _malformed(url, "port 0 cannot be connected to")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise _malformed(url, "something follows the port")
    return host


def _malformed(url: str, why: str, next_step: str = "set broker.url or --broker") -> ConfigError:
    return ConfigError(
        explain(
            f"malformed address, {why}",
            where="broker.url",
            got=repr(_without_secret(url)),
            expected="mqtt://HOST[:1883] or mqtts://HOST[:8883]",
            next_step=next_step,
        )
    )


def _without_secret(url: str) -> str:
    scheme, mark, rest = url.rpartition("//")
    secret, at, host = rest.rpartition("@")
    return f"{scheme}{mark}***@{host}" if secret and at else url
