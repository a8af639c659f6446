"""From the link to a real mosquitto and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.brokers.mosquitto import Listener, Mosquitto, eventually

pytestmark = [pytest.mark.process, pytest.mark.broker]


def visits(listener: Listener) -> list[dict[str, Any]]:
    return [json.loads(payload) for payload in listener.payloads("visit")]


def numbers(listener: Listener) -> list[int]:
    return [event["glances"] for event in visits(listener)]


def test_a_visit_arrives_once_with_the_fields_of_the_schema(publisher: Any, listener: Listener, deliver: Any) -> None:
    publisher.start()
    deliver(publisher, 1, 5)
    eventually(lambda: len(visits(listener)) >= 5, "five visits")
    assert publisher.terminate() == 0
    assert numbers(listener) == [1, 2, 3, 4, 5]
    first = visits(listener)[0]
    assert first["site"] == "berlin" and first["device"] == "kiosk" and first["seq"] == 1
    assert first["model_set"] == "best@1.0.0/fake:CPU"
    assert first["age"] == {
        "taxonomy": "ads-8",
        "bracket": "25-34",
        "low": 25,
        "high": 34,
        "confidence": 0.71,
        "interval": {"low": 18, "high": 34, "coverage": 0.8},
    }
    assert first["dwell_s"] == 2.5 and first["gender"] == {"label": "female", "confidence": 0.93}


def test_visits_made_while_the_broker_is_away_arrive_when_it_is_back(
    publisher: Any, broker: Mosquitto, listener: Listener, deliver: Any
) -> None:
    publisher.start()
    deliver(publisher, 1, 3)
    eventually(lambda: len(visits(listener)) == 3, "the first three")
    broker.kill()
    deliver(publisher, 4, 4)
    broker.start()
    eventually(lambda: set(numbers(listener)) == set(range(1, 8)), "all seven")


def test_status_and_info_are_retained_and_follow_the_publisher(
    publisher: Any, broker: Mosquitto, listener: Listener
) -> None:
    publisher.start()
    eventually(lambda: listener.payloads("status") == [b"online"], "online")
    eventually(lambda: bool(listener.payloads("info")), "info")
    publisher.kill()
    eventually(lambda: listener.payloads("status")[-1] == b"offline", "the last will")
    publisher.start()
    eventually(lambda: listener.payloads("status")[-1] == b"online", "online again")
    assert publisher.terminate() == 0
    eventually(lambda: listener.payloads("status")[-1] == b"stopped", "stopped")
    late = Listener(broker, name="late")
    eventually(lambda: late.payloads("status") == [b"stopped"] and len(late.payloads("info")) == 1, "retained")
    late.close()
    assert json.loads(listener.payloads("info")[0])["publish"] == ["visit", "live"]


def test_drain_ends_with_an_empty_outbox_and_code_0(publisher: Any, listener: Listener, deliver: Any) -> None:
    publisher.start("10")
    deliver(publisher, 1, 5)
    assert publisher.terminate() == 0
    eventually(lambda: numbers(listener) == [1, 2, 3, 4, 5], "all five")


def test_drain_without_a_broker_keeps_the_outbox_and_ends_with_3(
    publisher: Any, broker: Mosquitto, listener: Listener, deliver: Any
) -> None:
    broker.stop()
    publisher.start("0.2")
    deliver(publisher, 1, 5)
    assert publisher.terminate() == 3
    broker.start()
    publisher.start("10", "now")
    assert publisher.wait() == 0
    eventually(lambda: numbers(listener) == [1, 2, 3, 4, 5], "all five, later")


def test_a_second_publisher_on_the_same_folder_is_refused_with_the_pid_of_the_first(
    publisher: Any, listener: Listener
) -> None:
    publisher.start()
    eventually(lambda: bool(listener.payloads("status")), "online")
    first = publisher.pid
    other = type(publisher)(publisher.toml.parent, publisher.toml.read_text())
    other.start()
    assert other.wait() == 3
    assert f"another publisher (pid {first})" in other.log()
    assert publisher.terminate() == 0


def test_commands_are_answered(publisher: Any, listener: Listener) -> None:
    def replies() -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in listener.payloads("reply")]

    publisher.start()
    eventually(lambda: bool(listener.payloads("info")), "online")
    command = "passerby/berlin/kiosk/cmd/"
    listener.publish(command + "info", b'{"schema": "passerby.cmd/1", "id": "a"}')
    listener.publish(command + "pause", b'{"id": "b", "of_a_later_version": {"minutes": 5}}')
    listener.publish(command + "resume", b'{"id": "c", "schema": "passerby.cmd/2"}')
    listener.publish(command + "dance", b'{"id": "d"}')
    listener.publish(command + "health", b"\xff not json")
    listener.publish(command + "health", b'{"id": "e"}')
    eventually(lambda: len(replies()) == 4, "four replies")
    assert [(r["id"], r["command"], r["ok"]) for r in replies()] == [
        ("a", "info", True),
        ("b", "pause", True),
        ("c", "resume", False),
        ("e", "health", True),
    ]
    assert replies()[2]["reason"] == "the payload is not a passerby.cmd/1"
    eventually(lambda: len(listener.payloads("info")) >= 2 and bool(listener.payloads("health")), "info and health")


def test_a_retained_command_is_not_carried_out(publisher: Any, broker: Mosquitto, listener: Listener) -> None:
    listener.publish("passerby/berlin/kiosk/cmd/pause", b'{"id": "old"}', retain=True)
    publisher.start()
    eventually(lambda: "a retained command was ignored" in publisher.log(), "the line about it")
    assert not listener.payloads("reply") and not (publisher.state / "paused-by-command").exists()


def test_a_pause_by_command_reaches_the_sensor_and_outlives_a_restart(
    publisher: Any, listener: Listener, deliver: Callable[..., Any]
) -> None:
    publisher.start()
    eventually(lambda: bool(listener.payloads("info")), "online")
    listener.publish("passerby/berlin/kiosk/cmd/pause", b'{"id": "p"}')
    eventually(lambda: bool(listener.payloads("reply")), "a reply")
    publisher.kill()
    publisher.start()
    sensor = deliver(publisher, 1, 1)
    assert [each for each in sensor.commands if each != "HealthRequest"] == ["Pause"]


def test_the_publisher_that_waits_for_a_sensor_reports_its_health_without_one(
    publisher: Any, listener: Listener
) -> None:
    publisher.start()
    eventually(lambda: bool(listener.payloads("health")), "health")
    health = json.loads(listener.payloads("health")[0])
    assert health["sensor"] is None and health["publisher"]["connected"] is True
