"""The first line of a worker's message is believed only as far as it can be."""

from __future__ import annotations

import io

import numpy as np
import pytest

from edge.sensor.inference.accelerators.workers.framing import MAX_ARRAY_BYTES, read_head, receive, send


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b'{"arrays": 3}',
        b'{"arrays": ["y"]}',
        b'{"arrays": [["y", "|u1", 3]]}',
        b'{"arrays": [["y", [], [3]]]}',
        b'{"arrays": [["y", "|O", [3]]]}',
        b'{"arrays": [["y", "|u1", [-1]]]}',
        b'{"arrays": [["y", "|u1", [%d]]]}' % (MAX_ARRAY_BYTES + 1),
    ],
)
def test_a_first_line_that_is_not_one_raises_the_error_that_its_readers_expect(line: bytes) -> None:
    with pytest.raises(ValueError):
        read_head(line)


def test_a_trusted_peer_sends_arrays_of_any_size() -> None:
    large = np.zeros(MAX_ARRAY_BYTES + 1, np.uint8)
    stream = io.BytesIO()
    send(stream, {"n": 1}, {"large": large})
    stream.seek(0)
    header, arrays = receive(stream)
    assert header == {"n": 1}
    assert arrays["large"].shape == large.shape
