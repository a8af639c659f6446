"""The token bucket holds a sender to its rate, whatever the moments at which it tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import Backoff
from edge.link.bucket import TokenBucket

pytestmark = pytest.mark.privacy


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_full_bucket_gives_its_depth_at_once_and_then_no_more() -> None:
    bucket = TokenBucket(20, 20, clock=_Clock())

    assert [bucket.take() for _ in range(21)] == [True] * 20 + [False]


def test_tokens_come_back_at_the_rate() -> None:
    clock = _Clock()
    bucket = TokenBucket(20, 20, clock=clock)
    while bucket.take():
        pass

    clock.now += 0.25

    assert [bucket.take() for _ in range(6)] == [True] * 5 + [False]


def test_the_wait_is_just_long_enough_for_the_next_token() -> None:
    clock = _Clock()
    bucket = TokenBucket(4, 1, clock=clock)
    assert bucket.wait_s() == 0.0
    assert bucket.take()

    assert bucket.wait_s() == 0.25
    clock.now += 0.125
    assert not bucket.take()
    clock.now += 0.125
    assert bucket.take()


def test_kept_tokens_are_left_for_others() -> None:
    bucket = TokenBucket(1, 3, clock=_Clock())

    assert [bucket.take(keep=1) for _ in range(3)] == [True, True, False]
    assert bucket.take()


@given(st.lists(st.floats(0, 2), max_size=200))
def test_no_pattern_of_tries_gets_more_than_depth_plus_rate(pauses: list[float]) -> None:
    clock = _Clock()
    bucket = TokenBucket(20, 20, clock=clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        taken += sum(bucket.take() for _ in range(50))

    assert taken <= 20 + 20 * (clock.now - 1000.0) + 1e-6


def test_waits_double_up_to_the_bound_and_begin_anew_after_success() -> None:
    backoff = Backoff(0.5, 3.0, jitter=lambda: 1.0)

    assert [backoff.next_wait_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.reset()
    assert backoff.next_wait_s() == 0.5


def test_jitter_shortens_a_wait_by_half_at_most() -> None:
    assert Backoff(2.0, 8.0, jitter=lambda: 0.0).next_wait_s() == 1.0
