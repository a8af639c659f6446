"""Makes the paho-mqtt client for one connection: version, credentials, TLS. Files are read again for each."""

from __future__ import annotations

import ssl
from pathlib import Path

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.errors import ConfigError, explain
from edge.publisher.broker.broker_url import BrokerAddress, parse_broker_url
from edge.settings import settings as config

CONNECT_TIMEOUT_S = 10.0
"""For the TCP connection, for the TLS handshake, and then for the broker's CONNACK."""


def check_broker(broker: config.Broker) -> BrokerAddress:
    """Address of the broker, after every file that the settings name was read once. Raises ConfigError."""
    address = parse_broker_url(broker.url)
    named = broker.ca_file or broker.cert_file or broker.key_file
    if named and not address.tls:
        raise ConfigError(
            explain("certificates are set but the address is not TLS", where="broker.url", got=str(address),
                    expected="mqtts://HOST", next_step="change the address, or remove the certificates")
        )  # fmt: skip
    if broker.key_file and not broker.cert_file:
        raise ConfigError(explain("set without broker.cert_file", where="broker.key_file", got=broker.key_file))
    if address.tls:
        tls_context(broker)
    read_password(broker)
    return address


def make_client(broker: config.Broker, address: BrokerAddress, client_id: str, version: MQTTProtocolVersion) -> Client:
    """A client that is not connected yet and holds no message of an earlier connection."""
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if version == MQTTv5 else True,
        protocol=version,
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_inflight_messages_set(65_535)  # the sender keeps the window: paho must not queue
    if broker.username:
        client.username_pw_set(broker.username, read_password(broker))
    if address.tls:
        client.tls_set_context(tls_context(broker))
    client.connect_async(address.host, address.port, broker.keepalive_s, clean_start=True)
    return client


def tls_context(broker: config.Broker) -> ssl.SSLContext:
    """TLS as the settings require it: at least 1.2, the chain always checked. Raises ConfigError for unusable files."""
    try:
        context = ssl.create_default_context(cafile=broker.ca_file or None)
    except OSError as error:
        raise _unusable("broker.ca_file", broker.ca_file, error) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = not broker.insecure
    if broker.cert_file:
        try:
            context.load_cert_chain(broker.cert_file, broker.key_file or None, password=_no_passphrase)
        except (OSError, ValueError) as error:
            raise _unusable("broker.cert_file", broker.cert_file, error) from error
    return context


def read_password(broker: config.Broker) -> str | None:
    """First line of the password file; None where none is set. Raises ConfigError; the password is never shown."""
    if not broker.password_file:
        return None
    if not broker.username:
        raise ConfigError(explain("set without broker.username", where="broker.password_file"))
    try:
        return Path(broker.password_file).read_text("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable("broker.password_file", broker.password_file, error) from error


def expiry(version: MQTTProtocolVersion, after_s: float | None) -> Properties | None:
    """PUBLISH properties that let a message expire, MQTT 5 only (MQTT 5.0, 3.3.2.3.3)."""
    if after_s is None or version == MQTTv311:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = max(1, round(after_s))
    return properties


def _no_passphrase() -> str:
    raise ValueError("the key needs a passphrase, and nobody is there to type it")


def _unusable(setting: str, path: str, error: Exception) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ConfigError(explain(f"cannot be used ({reason})", where=setting, got=path, expected="a readable file"))
