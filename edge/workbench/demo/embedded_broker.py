"""A small MQTT broker inside this process, for the demo only (amqtt; MQTT 3.1.1, no persistence)."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from edge.errors import BrokerError, explain

START_TIMEOUT_S = 10.0


@contextmanager
def embedded_broker() -> Iterator[str]:
    """Run a broker on a free port of 127.0.0.1; yields its mqtt:// address. Raises BrokerError without amqtt."""
    try:
        import amqtt.broker
    except ImportError as error:
        message = explain("the demo's broker is missing", expected="amqtt", next_step="install passerby[demo]")
        raise BrokerError(message) from error
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    port = _free_port()
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="broker", daemon=True)
    thread.start()

    async def start() -> amqtt.broker.Broker:
        broker = amqtt.broker.Broker({"listeners": listeners, "plugins": plugins})
        await broker.start()
        return broker

    broker = asyncio.run_coroutine_threadsafe(start(), loop).result(START_TIMEOUT_S)
    try:
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(broker.shutdown(), loop).result(START_TIMEOUT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_TIMEOUT_S)
        loop.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
