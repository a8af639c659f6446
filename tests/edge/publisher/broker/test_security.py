"""Passwords, TLS with certificates made by openssl, and brokers that refuse."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.brokers.mosquitto import Listener, Mosquitto, eventually
from tests.conftest import need_program

pytestmark = [pytest.mark.process, pytest.mark.broker]

Settings = Callable[..., str]
Process = Callable[[Path, str], Any]


@pytest.fixture
def start(tmp_path: Path, publisher: Any) -> Callable[[str], Any]:
    """Start a publisher with these settings; the fixture `publisher` ends it."""

    def begin(toml: str) -> Any:
        publisher.toml.write_text(toml)
        publisher.start()
        return publisher

    return begin


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run([need_program("openssl"), *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.crt; server.crt for 127.0.0.1; client.crt; other.crt, a CA that signed none of them."""
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("ca", "other"):
        openssl(folder, "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}",
                "-days", "2")  # fmt: skip
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.crt", "-days", "2", "-extfile", "san")  # fmt: skip
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


def tls(certificates: Path, extra: str = "") -> str:
    return (
        f"cafile {certificates}/ca.crt\ncertfile {certificates}/server.crt\nkeyfile {certificates}/server.key\n"
        f"allow_anonymous true\n{extra}"
    )


def secured(broker: Mosquitto, settings: str) -> None:
    broker.stop()
    broker.write(settings)
    broker.start()


def test_visits_arrive_over_tls_with_a_client_certificate(
    start: Any, settings: Settings, broker: Mosquitto, certificates: Path, deliver: Any
) -> None:
    secured(broker, tls(certificates, "require_certificate true\n"))
    process = start(
        settings(
            broker.url.replace("mqtt:", "mqtts:"),
            f'ca_file = "{certificates}/ca.crt"',
            f'cert_file = "{certificates}/client.crt"',
            f'key_file = "{certificates}/client.key"',
        )
    )
    deliver(process, 1, 3)
    eventually(lambda: "connected with MQTT 5" in process.log(), "connected over TLS")
    process.terminate()
    process.start("10", "now")
    assert process.wait() == 0


def test_a_broker_with_a_certificate_of_another_authority_gets_nothing(
    start: Any, settings: Settings, broker: Mosquitto, certificates: Path
) -> None:
    secured(broker, tls(certificates))
    process = start(settings(broker.url.replace("mqtt:", "mqtts:"), f'ca_file = "{certificates}/other.crt"'))
    eventually(lambda: "certificate verify failed" in process.log(), "the refusal")
    assert "connected" not in process.log()


def test_a_broker_of_another_name_gets_nothing_unless_told(
    start: Any, settings: Settings, broker: Mosquitto, certificates: Path
) -> None:
    secured(broker, tls(certificates))
    url, ca = f"mqtts://localhost:{broker.port}", f'ca_file = "{certificates}/ca.crt"'
    process = start(settings(url, ca))
    eventually(lambda: "mismatch" in process.log(), "the refusal")
    process.terminate()
    start(settings(url, ca, "insecure = true"))
    eventually(lambda: "connected with MQTT 5" in process.log(), "connected all the same")


def test_a_wrong_password_is_reported_once_and_the_right_one_is_picked_up(
    start: Any, settings: Settings, broker: Mosquitto, tmp_path: Path, deliver: Any
) -> None:
    users, password = broker.folder / "users", tmp_path / "password"
    subprocess.run(
        [need_program("mosquitto_passwd"), "-b", "-c", str(users), "kiosk", "right"], check=True, capture_output=True
    )
    users.chmod(0o644)
    secured(broker, f"allow_anonymous false\npassword_file {users}\n")
    password.write_text("wrong\n")
    process = start(settings(broker.url, 'username = "kiosk"', f'password_file = "{password}"'))
    deliver(process, 1, 2)
    eventually(lambda: "refuses this client" in process.log(), "the refusal")
    refusals = (broker.folder / "mosquitto.log").read_text
    eventually(lambda: refusals().count("not authorised") >= 3, "three tries")
    assert process.log().count("refuses this client") == 1, "one line, not one a try"
    password.write_text("right\n")
    eventually(lambda: "connected with MQTT 5" in process.log(), "connected")
    process.terminate()
    process.start("10", "now")
    assert process.wait() == 0
    assert "wrong" not in process.log() and "right" not in process.log(), "a password in the log"


def test_a_refused_topic_keeps_the_events(
    start: Any, settings: Settings, broker: Mosquitto, tmp_path: Path, deliver: Any
) -> None:
    rules = broker.folder / "acl"
    rules.write_text("topic read #\ntopic write passerby/berlin/kiosk/status\n")
    rules.chmod(0o644)
    secured(broker, f"allow_anonymous true\nacl_file {rules}\n")
    process = start(settings(broker.url))
    deliver(process, 1, 2)
    eventually(lambda: "does not take an event (Not authorized)" in process.log(), "the refusal")
    process.terminate()
    rules.write_text("topic readwrite #\n")
    secured(broker, f"allow_anonymous true\nacl_file {rules}\n")
    listener = Listener(broker)
    process.start("10", "now")
    assert process.wait() == 0
    eventually(lambda: len(listener.payloads("visit")) == 2, "both visits")
    listener.close()
