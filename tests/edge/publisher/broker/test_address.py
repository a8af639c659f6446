"""Broker addresses and TLS settings: what is accepted, and one clear line for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.publisher.broker.broker_url import parse_broker_url
from edge.publisher.broker.mqtt_client import check_broker
from edge.settings import settings as config


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("mqtt://127.0.0.1", "127.0.0.1", 1883, False),
        ("mqtt://broker.example:1884", "broker.example", 1884, False),
        ("mqtts://broker.example/", "broker.example", 8883, True),
        ("MQTT://Broker.Example", "broker.example", 1883, False),
        ("mqtt://[::1]:1883", "::1", 1883, False),
        (" mqtt://host ", "host", 1883, False),
    ],
)
def test_good_addresses(url: str, host: str, port: int, tls: bool) -> None:
    assert tuple(parse_broker_url(url)) == (host, port, tls)
    assert tuple(parse_broker_url(str(parse_broker_url(url)))) == (host, port, tls)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "it has no scheme"),
        ("127.0.0.1", "it has no scheme"),
        ("127.0.0.1:1883", "scheme"),
        ("localhost:1883", "scheme 'localhost' is not known"),
        ("http://host", "scheme 'http' is not known"),
        ("ws://host", "scheme 'ws' is not known"),
        ("mqtt://", "it has no usable host"),
        ("mqtt://:1883", "it has no usable host"),
        ("mqtt://ho st", "it has no usable host"),
        ("mqtt://host:0", "port 0"),
        ("mqtt://host:99999", "[Pp]ort"),
        ("mqtt://host:abc", "[Pp]ort"),
        ("mqtt://host/topic", "something follows the port"),
        ("mqtt://host?x=1", "something follows the port"),
        ("mqtt://[::1", "Invalid IPv6"),
        ("mqtt://" + "a" * 300, "it has no usable host"),
    ],
)
def test_bad_addresses_are_one_line_with_what_was_expected(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        parse_broker_url(url)
    text = str(caught.value)
    assert "\n" not in text and "broker.url" in text and "expected mqtt://HOST" in text
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("url", ["mqtt://me:secret@host", "mqtt://me:secret@host:bad", "x://me:secret@host/@"])
def test_a_password_in_an_address_is_refused_and_never_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_broker_url(url)
    assert "secret" not in str(caught.value)


def test_certificates_without_tls_are_a_mistake_not_a_plain_connection(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not TLS"):
        check_broker(config.Broker(url="mqtt://host", ca_file=str(tmp_path / "ca.crt")))


@pytest.mark.parametrize("setting", ["ca_file", "cert_file"])
def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path, setting: str) -> None:
    missing = str(tmp_path / "missing.pem")
    with pytest.raises(ConfigError, match=rf"broker\.{setting}: cannot be used .*missing\.pem"):
        check_broker(config.Broker(url="mqtts://host", **{setting: missing}))
    (tmp_path / "missing.pem").write_text("this is no certificate")
    with pytest.raises(ConfigError, match=rf"broker\.{setting}: cannot be used"):
        check_broker(config.Broker(url="mqtts://host", **{setting: missing}))


def test_a_key_without_its_certificate_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"broker\.key_file: set without broker\.cert_file"):
        check_broker(config.Broker(url="mqtts://host", key_file=str(tmp_path / "key.pem")))


def test_a_password_file_needs_a_user_and_must_be_readable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"broker\.password_file: set without broker\.username"):
        check_broker(config.Broker(password_file="x"))
    with pytest.raises(ConfigError, match=r"broker\.password_file: cannot be used \(No such file"):
        check_broker(config.Broker(username="me", password_file=str(tmp_path / "none")))
