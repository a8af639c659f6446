"""Runs inside the root file system: Passerby's GStreamer source on GStreamer's own test picture.

Argument: what stands before the sink. Prints a line of JSON a frame, or the error.
"""

from __future__ import annotations

import json
import sys

from edge.errors import SourceUnavailable
from edge.sensor.sources.csi import SINK, open_gstreamer, opencv_has_gstreamer


def main(words: str) -> None:
    try:
        source = open_gstreamer(f"{words} ! {SINK}", "test")
    except SourceUnavailable as error:
        print(json.dumps({"error": str(error)}))
        print("closed")
        return
    try:
        for _ in range(5):
            frame = source.read()
            assert frame is not None
            told = {"image": frame.image.shape, "mean": [round(float(v)) for v in frame.image.reshape(-1, 3).mean(0)]}
            print(json.dumps({**told, "index": frame.index, "opencv": opencv_has_gstreamer()}), flush=True)
    except SourceUnavailable as error:
        print(json.dumps({"error": str(error)}))
    source.close()
    print("closed", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
