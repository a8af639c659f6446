"""The sensor's real end of the link against a real publisher and a real mosquitto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.clock import boottime
from edge.sensor.types import VisitSummary
from edge.sensor.uplink.link_client import LinkClient
from tests.brokers.mosquitto import Listener, eventually

pytestmark = [pytest.mark.process, pytest.mark.broker]


def summary(glances: int) -> VisitSummary:
    now = boottime()
    return VisitSummary(
        track_id=1, first_seen=now - 4, last_seen=now, attention_s=1.0, glances=glances, gender=None, age=None,
        samples=0, quality=0.0, end_reason="left",
    )  # fmt: skip


def test_visits_of_the_real_client_survive_a_publisher_that_is_killed_in_between(
    publisher: Any, listener: Listener
) -> None:
    publisher.start()
    eventually(publisher.socket.exists, "the link")
    client = LinkClient(publisher.socket, target="fake:CPU", taxonomy="ads-8")
    for number in range(1, 31):
        client.visit(summary(number))
    publisher.kill()
    for number in range(31, 41):
        client.visit(summary(number))
    publisher.start()
    assert client.flush(20.0)
    eventually(lambda: {json.loads(p)["glances"] for p in listener.payloads("visit")} == set(range(1, 41)), "all forty")
    client.close()
    ids = {(json.loads(p)["glances"], json.loads(p)["event_id"]) for p in listener.payloads("visit")}
    assert len(ids) == 40, "one id a visit"
    assert publisher.terminate() == 0
