"""Print the visits of every device at a broker, each once: `python examples/subscriber.py HOST [PORT]`.

Needs paho-mqtt and nothing of Passerby. Visits are delivered at least once, so doubles are removed by `event_id`; `seq`
has no gaps within a `boot_id`, so a gap is a loss, and is printed.
"""

from __future__ import annotations

import json
import sys
from collections import OrderedDict
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

TOPIC = "passerby/+/+/visit"
CLIENT_ID = "visit-printer"
"""The broker queues visits under this name while the program is down; two programs at once need two names."""
REMEMBERED = 100_000
"""Events that a double is looked for in: more than a broker sends again after the longest break that you expect."""

Visit = dict[str, Any]


class Ledger:
    """What has arrived so far."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._last_seq: dict[tuple[str, ...], int] = {}

    def is_double(self, visit: Visit) -> bool:
        """Whether a visit with this `event_id` has been here before; remembers it."""
        double = visit["event_id"] in self._ids
        self._ids[visit["event_id"]] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)
        return double

    def count_missing(self, visit: Visit) -> int:
        """How many events of this device are missing between the last one and this one."""
        life = visit["site"], visit["device"], visit["boot_id"]
        seq: int = visit["seq"]
        last = self._last_seq.get(life, seq - 1)
        self._last_seq[life] = max(last, seq)
        return max(seq - last - 1, 0)


def describe(visit: Visit) -> str:
    """One line about a visit; gender and age bracket may be `unknown`."""
    return (
        f"{visit['started_at']} {visit['site']}/{visit['device']} #{visit['seq']}: stayed {visit['dwell_s']} s, "
        f"attention {visit['attention_s']} s, {visit['gender']['label']}, {visit['age']['bracket']}"
    )


def take(ledger: Ledger, visit: Visit) -> None:
    """Print a visit that is new, and how many are missing before it."""
    if ledger.is_double(visit):
        return
    if missing := ledger.count_missing(visit):
        print(f"{visit['site']}/{visit['device']}: {missing} missing before #{visit['seq']}", flush=True)
    print(describe(visit), flush=True)


def receive(ledger: Ledger, payload: bytes | bytearray) -> None:
    """Take a visit. Anything else is only mentioned: a broker sends what makes a subscriber fail again and again."""
    try:
        take(ledger, json.loads(payload))
    except (ValueError, KeyError, TypeError) as error:
        print(f"not a visit: {error!r}", file=sys.stderr)


def subscribe(client: mqtt.Client, *_: Any) -> None:
    """Ask for the visits at every connection: a broker that was restarted may have forgotten."""
    client.subscribe(TOPIC, qos=1)


def main(host: str, port: str = "1883") -> None:
    """Subscribe and print until Ctrl-C; connects again by itself."""
    ledger = Ledger()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, CLIENT_ID, clean_session=False)
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: print(f"subscribed to {TOPIC}", flush=True)
    client.on_message = lambda _client, _userdata, message: receive(ledger, message.payload)
    client.connect(host, int(port))
    client.loop_forever()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
