"""Token bucket: limits messages a second, with a clock that is passed in."""

from __future__ import annotations

from collections.abc import Callable

from edge.clock import boottime
from edge.schemas.link import MESSAGES_PER_S


class TokenBucket:
    """Holds at most `depth` tokens and gains `rate_per_s` a second; one message costs one token."""

    def __init__(
        self,
        rate_per_s: float = MESSAGES_PER_S,
        depth: float = MESSAGES_PER_S,
        *,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """Start full. `clock` gives seconds and is never set back."""
        self._rate_per_s = rate_per_s
        self._depth = depth
        self._clock = clock
        self._tokens = depth
        self._filled_at = clock()

    def take(self, *, keep: float = 0.0) -> bool:
        """Take one token if that leaves `keep` in the bucket; False, and nothing taken, where it does not."""
        self._fill()
        if self._tokens < 1.0 + keep:
            return False
        self._tokens -= 1.0
        return True

    def wait_s(self) -> float:
        """Seconds until there is a token; 0.0 where there is one."""
        self._fill()
        return max(0.0, (1.0 - self._tokens) / self._rate_per_s)

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._depth, self._tokens + (now - self._filled_at) * self._rate_per_s)
        self._filled_at = now
