from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sensor.tracking.kalman import COAST_S, CentreFilter


def walk(step_s: float, speed: float, seconds: float) -> CentreFilter:
    """A filter that saw a face go right at `speed` px/s, a detection each step."""
    centre = CentreFilter(0.0, 50.0)
    for count in range(1, round(seconds / step_s) + 1):
        centre.correct(speed * step_s * count, 50.0, step_s)
    return centre


@pytest.mark.parametrize("step_s", [1 / 60, 1 / 30, 0.1, 0.2])
def test_the_speed_is_learned_at_any_frame_rate(step_s: float) -> None:
    centre = walk(step_s, 120.0, 1.2)
    assert centre.vx == pytest.approx(120.0, rel=0.05)
    assert centre.vy == pytest.approx(0.0, abs=1e-6)


def test_a_face_out_of_sight_goes_on_and_then_stands() -> None:
    centre = walk(0.1, 100.0, 2.0)
    assert centre.predict(0.3).x == pytest.approx(centre.x + 0.3 * centre.vx)
    assert centre.predict(30.0).x == pytest.approx(centre.x + COAST_S * centre.vx)


@given(st.floats(0, 10), st.floats(0, 10))
def test_the_longer_out_of_sight_the_wider_the_search(a: float, b: float) -> None:
    centre = walk(0.1, 40.0, 1.0)
    shorter, longer = sorted((a, b))
    assert centre.predict(shorter).std <= centre.predict(longer).std


@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(0, 60)), min_size=1, max_size=30))
def test_a_correction_never_overshoots_the_detection(steps: list[tuple[float, float]]) -> None:
    centre = CentreFilter(0.0, 0.0)
    for x, elapsed_s in steps:
        expected = centre.predict(elapsed_s).x
        centre.correct(x, 0.0, elapsed_s)
        low, high = sorted((expected, x))
        assert low - 1e-6 <= centre.x <= high + 1e-6
