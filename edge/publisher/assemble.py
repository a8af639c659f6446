"""Makes the publisher's parts from its settings: the only place of this half that names the concrete classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.clock import boottime
from edge.errors import ConfigError, explain
from edge.link.peer import SOCKET_NAME
from edge.machine.notify import Notifier
from edge.publisher.broker.mqtt import MqttBroker
from edge.publisher.commands import Commands, RemotePause
from edge.publisher.dating import Dating
from edge.publisher.dispatch import Dispatch
from edge.publisher.events import Composer, WallClock
from edge.publisher.intake import Intake
from edge.publisher.link_server import LinkServer
from edge.publisher.outbox.folder_lock import FolderLock
from edge.publisher.outbox.outbox import Outbox
from edge.publisher.ports import Channel, Connection, EventStore, SensorLink
from edge.publisher.reports import Counts, Reports
from edge.settings.settings import Settings

OUTBOX_NAME = "outbox.sqlite3"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop joins. `broker` and `channel` are two sides of one connection."""

    link: SensorLink
    outbox: EventStore
    broker: Connection
    channel: Channel
    intake: Intake
    dispatch: Dispatch
    dating: Dating
    reports: Reports
    commands: Commands
    notifier: Notifier
    clock: Callable[[], float]


@contextmanager
def opened_parts(
    settings: Settings,
    state_dir: Path,
    *,
    model_set: str,
    link_path: Path | None = None,
    link_group: int | None = None,
) -> Iterator[Parts]:
    """Hold the state folder and open outbox, link (in that folder unless given) and broker; closes them in order.

    Raises ConfigError, AlreadyRunning, OutboxFull.
    """
    check_events(settings)
    who = settings.identity
    with ExitStack() as stack:
        broker = MqttBroker(
            settings.broker,
            topics=f"{settings.broker.topic_prefix.strip('/')}/{who.site}/{who.device}",
            client_id=settings.broker.client_id or f"passerby-{who.site}-{who.device}",
            max_inflight=settings.outbox.max_inflight,
        )
        stack.callback(broker.close)
        stack.enter_context(FolderLock(state_dir))
        outbox = Outbox(state_dir / OUTBOX_NAME, settings.outbox, jitter_s=settings.privacy.jitter_s)
        stack.callback(outbox.close)
        link = LinkServer(link_path or state_dir / SOCKET_NAME, group=link_group)
        stack.callback(link.close)

        clock = WallClock(settings.privacy.time_resolution_s)
        composer = Composer(settings, model_set, clock)
        interval_s = settings.outbox.commit_interval_ms / 1000
        intake = Intake(link, outbox, composer, interval_s=interval_s, clock=boottime)
        dispatch = Dispatch(outbox, broker, clock=boottime)
        dating = Dating(outbox, composer, clock, patience_s=settings.publish.await_clock_s)
        counts = Counts(link, outbox, broker, intake, dispatch, composer)
        reports = Reports(settings, composer, link, broker, counts, clock)
        commands = Commands(link, reports, RemotePause(state_dir))
        yield Parts(link, outbox, broker, broker, intake, dispatch, dating, reports, commands, Notifier(), boottime)


def check_events(settings: Settings) -> None:
    """Refuse kinds of events that are not made yet. Raises ConfigError."""
    if "aggregate" in settings.publish.events:
        raise ConfigError(
            explain(
                "aggregate events are not made yet",
                where="publish.events",
                got=", ".join(settings.publish.events),
                expected="visit, live",
                next_step="leave aggregate out; sum the visits at the subscriber",
            )
        )
