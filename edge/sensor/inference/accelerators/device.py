"""One accelerator: its worker started, fed, watched, ended when it does not answer, and started again with backoff.

A state machine without a thread: whoever uses it turns it (`tend`), which never waits. Only `load`, at the start of the
program, and `answer`, for at most `Limits.answer_s`, do.
"""

from __future__ import annotations

import logging
import random
import select
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, get_args

from edge.clock import Backoff, boottime
from edge.errors import AcceleratorLost
from edge.schemas.vocabulary import AcceleratorFault, AcceleratorState
from edge.sensor.inference.accelerators.channel import Answer, Channel
from edge.sensor.inference.accelerators.launcher_process import COMMAND_NOT_FOUND, News, Refused, Started
from edge.sensor.types import Tensors

_LAST_WORDS_S = 0.1
"""A worker's pipes close a moment before its end is reported."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an accelerator may take, in seconds."""

    answer_s: float = 0.5
    start_s: float = 10.0
    restart_initial_s: float = 1.0
    restart_longest_s: float = 60.0
    steady_s: float = 30.0
    """One that ran for so long begins with the first wait again."""


@dataclass(frozen=True, slots=True)
class Network:
    """What a worker must load. header: JSON for the worker; output_names: what an answer must hold."""

    name: str
    header: dict[str, Any]
    output_names: tuple[str, ...]


class Starter(Protocol):
    """Who starts the worker; see `edge.sensor.inference.accelerators.launcher_process.LauncherProcess`."""

    def fileno(self) -> int:
        """Descriptor to wait on for news."""

    def start(self, life: int) -> None:
        """Ask for a fresh worker; its news carry this number."""

    def kill(self) -> None:
        """Ask for its end."""

    def news(self) -> Sequence[News]:
        """What has happened since the last call."""


class Accelerator:
    """One accelerator and the networks on it."""

    def __init__(
        self,
        target: str,
        starter: Starter,
        limits: Limits,
        *,
        clock: Callable[[], float] = boottime,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """jitter: see `edge.clock.Backoff`."""
        self.target = target
        self.state: AcceleratorState = "starting"
        self.fault: AcceleratorFault = "none"
        """What went wrong last; stays when the accelerator is back."""
        self.reason = ""
        self.losses = 0
        """How often it was lost, or could not be started at first."""
        self._starter, self._limits, self._clock = starter, limits, clock
        self._backoff = Backoff(limits.restart_initial_s, limits.restart_longest_s, jitter=jitter)
        self._networks: dict[str, Network] = {}
        self._loaded: set[str] = set()
        self._channel: Channel | None = None
        self._life = 0
        self._until = self._since = clock()
        self._tickets = 0
        self._begun: set[int] = set()
        self._answers: dict[int, Tensors] = {}
        self._for_good = False
        self._loading = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether every network is loaded and nothing is wrong."""
        return self.state == "running"

    def load(self, network: Network) -> None:
        """Put a network on the accelerator and wait until it is there. Raises AcceleratorLost with the reason.

        After a failure it is tried again like any other loss, if `tend` is called.
        """
        with self._loading:  # networks are opened in several threads
            self._networks[network.name] = network
            if self.state == "lost":
                raise self._lost()
            self._await(network)

    def _await(self, network: Network) -> None:
        if self._life == 0:
            self._start()
        self.state, self._until = "starting", self._clock() + self._limits.start_s
        if self._channel is not None:
            self._post(network)
        self._turn()
        while network.name not in self._loaded:
            if self._is_lost():
                raise self._lost()
            self._sleep(self._until - self._clock())
            self._turn()

    def tend(self) -> None:
        """Take what happened, start again when it is time; never waits."""
        if self._networks and not self._loading.locked():
            self._turn()

    def begin(self, name: str, pictures: Tensors) -> int:
        """Begin an inference of the pictures; returns its ticket. Raises AcceleratorLost."""
        if not self.ready or self._channel is None:
            raise self._lost()
        self._tickets += 1
        self._begun.add(self._tickets)
        self._channel.post({"infer": name, "ticket": self._tickets}, pictures)
        return self._tickets

    def answer(self, ticket: int, name: str) -> Tensors:
        """Outputs of a begun inference. Raises AcceleratorLost: no answer in time, or the accelerator went away."""
        until = self._clock() + self._limits.answer_s
        while True:
            self._turn()
            if ticket in self._answers:
                return self._fitting(self._answers.pop(ticket), name)
            if ticket not in self._begun:  # it was lost since, though it may be back
                raise self._lost()
            left_s = until - self._clock()
            if left_s <= 0:
                self._lose("hang", f"no answer within {self._limits.answer_s:g} s")
                raise self._lost()
            self._sleep(left_s)

    def close(self) -> None:
        """End the worker; safe to call twice."""
        self._starter.kill()
        self._hang_up()

    def _is_lost(self) -> bool:
        return self.state == "lost"

    def _start(self) -> None:
        self._life += 1
        self.state, self._until = "starting", self._clock() + self._limits.start_s
        self._starter.start(self._life)

    def _turn(self) -> None:
        for news in self._starter.news():
            self._hear(news)
        if self._channel is not None:
            for answer in self._channel.answers():
                self._take(answer)
        if self._channel is not None and not self._channel.open:
            self._hear_last_words(self._channel)
        now = self._clock()
        if self.state == "starting" and now >= self._until:
            self._lose("hang", f"not ready within {self._limits.start_s:g} s")
        elif self.state == "lost" and now >= self._until and not self._for_good:
            self._start()

    def _sleep(self, longest_s: float) -> None:
        if self._channel is not None:
            self._channel.wait(longest_s, self._starter.fileno())
        else:
            _wait_for(self._starter.fileno(), longest_s)

    def _hear(self, news: News) -> None:
        if isinstance(news, Refused):
            self._for_good = True
            self._lose("crash", news.reason)
            return
        current = news.life == self._life and self.state != "lost"
        if isinstance(news, Started):
            channel = Channel(news.to_worker, news.from_worker)
            if not current:
                channel.close()  # of a life that was given up
                return
            self._channel = channel
            for network in self._networks.values():
                self._post(network)
        elif current:
            self._lose("library" if news.code == COMMAND_NOT_FOUND else "crash", news.reason)

    def _hear_last_words(self, channel: Channel) -> None:
        """The worker closed its pipe: the news of its end give the reason, if they come; else it sent no message."""
        until = self._clock() + _LAST_WORDS_S
        while self.state != "lost" and (left_s := until - self._clock()) > 0:
            _wait_for(self._starter.fileno(), left_s)
            for news in self._starter.news():
                self._hear(news)
        if self._channel is channel and self.state != "lost":
            self._lose("crash", "its worker closed its pipe, or sent something that is not a message")

    def _post(self, network: Network) -> None:
        if self._channel is not None:
            self._channel.post({"load": network.name, **network.header}, {})

    def _take(self, answer: Answer) -> None:
        header = answer.header
        if "fault" in header:
            kind = header["fault"]
            known = cast(AcceleratorFault, kind if kind in get_args(AcceleratorFault) else "crash")
            self._lose(known, str(header.get("reason", "")))
        elif "loaded" in header:
            self._loaded.add(str(header["loaded"]))
            if self.state == "starting" and self._loaded.issuperset(self._networks):
                self._found()
        elif header.get("ticket") in self._begun:
            self._begun.discard(header["ticket"])
            self._answers[header["ticket"]] = answer.arrays

    def _fitting(self, outputs: Tensors, name: str) -> Tensors:
        missing = set(self._networks[name].output_names).difference(outputs)
        if missing:
            self._lose("model", f"no output {', '.join(sorted(missing))}")
            raise self._lost()
        return outputs

    def _found(self) -> None:
        self.state, self._since = "running", self._clock()
        if self.losses:
            _log.warning("%s: is back", self.target)

    def _lose(self, fault: AcceleratorFault, reason: str) -> None:
        if self.state == "lost":
            return
        now = self._clock()
        if self.state == "running" and now - self._since >= self._limits.steady_s:
            self._backoff.reset()
        wait_s = self._backoff.next_wait_s()
        if self.state == "running" or reason != self.reason:
            _log.warning("%s: lost (%s): %s; tried again in %.1f s", self.target, fault, reason, wait_s)
        if self.state == "running" or self.losses == 0:
            self.losses += 1
        self.state, self.fault, self.reason, self._until = "lost", fault, reason, now + wait_s
        self._starter.kill()
        self._hang_up()

    def _lost(self) -> AcceleratorLost:
        return AcceleratorLost(self.target, self.fault, self.reason)

    def _hang_up(self) -> None:
        if self._channel is not None:
            self._channel.close()
        self._channel = None
        self._loaded.clear()
        self._begun.clear()
        self._answers.clear()


def _wait_for(descriptor: int, longest_s: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(max(0.0, longest_s) * 1000)
