"""`passerby doctor` as an operator calls it, and its look at real brokers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli.app import build
from edge.doctor.broker import check_mqtt
from edge.settings.settings import Broker, Settings
from tests.brokers.mosquitto import Mosquitto, free_port
from tests.conftest import need_program

pytestmark = pytest.mark.process


def look(**broker: object) -> list[tuple[str, str]]:
    """Verdicts and words of the broker's checks."""
    settings = Settings(broker=Broker(**broker))  # type: ignore[arg-type]
    return [(finding.verdict, finding.found) for finding in check_mqtt(settings, timeout_s=5.0)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.broker
def test_a_broker_that_takes_events(folder: Path) -> None:
    broker = Mosquitto(folder).start()
    try:
        found = look(url=broker.url)
        older = look(url=broker.url, protocol="3.1.1")
    finally:
        broker.stop()
    assert [verdict for verdict, _ in found] == ["pass", "pass", "pass"]
    assert [words for _, words in found][1:] == [
        "MQTT 5, without a user",
        "takes an event on passerby/site/device/doctor",
    ]
    assert older[1] == ("pass", "MQTT 3.1.1, without a user")


@pytest.mark.broker
def test_a_wrong_password_and_a_right_one(folder: Path) -> None:
    passwords, secret, wrong = folder / "passwords", folder / "secret", folder / "wrong"
    subprocess.run([need_program("mosquitto_passwd"), "-b", "-c", str(passwords), "kiosk", "right"], check=True)
    passwords.chmod(0o644)
    secret.write_text("right\n")
    wrong.write_text("wrong\n")
    broker = Mosquitto(folder, settings=f"allow_anonymous false\npassword_file {passwords}\n").start()
    try:
        good = look(url=broker.url, username="kiosk", password_file=str(secret))
        bad = look(url=broker.url, username="kiosk", password_file=str(wrong))
    finally:
        broker.stop()
    assert [verdict for verdict, _ in good] == ["pass", "pass", "pass"]
    assert bad[-1] == ("fail", "the broker refuses this client (Not authorized)")


@pytest.mark.broker
def test_a_topic_that_may_not_be_written(folder: Path) -> None:
    rules = folder / "rules"
    rules.write_text("topic read passerby/#\n")
    rules.chmod(0o644)
    broker = Mosquitto(folder, settings=f"allow_anonymous true\nacl_file {rules}\n").start()
    try:
        found = look(url=broker.url)
    finally:
        broker.stop()
    assert found[-1][0] == "fail"
    assert "does not take an event on passerby/site/device/doctor (Not authorized)" in found[-1][1]


def test_nobody_listens() -> None:
    (found,) = look(url=f"mqtt://127.0.0.1:{free_port()}")
    assert found[0] == "fail"
    assert "Connection refused" in found[1]


@pytest.mark.broker
def test_tls_to_a_plain_port(folder: Path) -> None:
    broker = Mosquitto(folder).start()
    try:
        found = look(url=f"mqtts://127.0.0.1:{broker.port}")
    finally:
        broker.stop()
    assert [verdict for verdict, _ in found] == ["pass", "fail"]
    assert "TLS" in found[1][1]


def test_settings_that_cannot_work_are_said_first() -> None:
    (found,) = look(url="mqtt://127.0.0.1", ca_file="/nowhere/ca.crt")
    assert found[0] == "fail"
    assert "not TLS" in found[1]


def test_the_command_names_each_check_and_what_to_do_and_ends_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path))
    words = ["doctor", "--source", "/dev/video77", "--broker", f"mqtt://127.0.0.1:{free_port()}"]
    done = CliRunner().invoke(build(), words)
    assert done.exit_code == 1
    assert "fail  camera: /dev/video77 is not there" in done.output
    assert "-> plug it in, or correct camera.source" in done.output
    told = json.loads(CliRunner().invoke(build(), [*words, "--json"]).stdout)
    assert told["verdict"] == "fail"
    checks = {finding["check"] for finding in told["findings"]}
    everywhere = {"camera", "accelerators", "models", "broker", "clock", "disk", "swap", "memory cgroup", "temperature"}
    assert checks >= everywhere | {"telemetry", "sandbox"}
    assert all(bool(finding["do"]) == (finding["verdict"] != "pass") for finding in told["findings"])
