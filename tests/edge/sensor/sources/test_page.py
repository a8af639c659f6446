"""A web page leads to the web only: never to a file of this machine, whatever it names as its video."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edge.errors import SourceUnavailable
from edge.sensor.sources.opening import open_source
from edge.settings.settings import Camera
from tests.pictures.clips import MOVED, serve, write_clip

pytest.importorskip("yt_dlp", reason="yt_dlp is not installed (passerby[pages])")

Pages = Mapping[str, tuple[str, bytes, int | None]]


def of_html(body: str) -> Pages:
    html = f"<html><head><title>Hall</title></head><body>{body}</body></html>".encode()
    return {"/": ("text/html", html, len(html))}


def of_playlist(kind: str, content: str) -> Pages:
    body = content.encode()
    return {**of_html(f"<video src='/list' type='{kind}'></video>"), "/list": (kind, body, len(body))}


HLS, DASH = "application/vnd.apple.mpegurl", "application/dash+xml"
LEADS: dict[str, Callable[[str], Pages]] = {
    "moved page": lambda url: {"/": (MOVED, url.encode(), None)},
    "moved video": lambda url: {**of_html("<video src='/a.webm'></video>"), "/a.webm": (MOVED, url.encode(), None)},
    "video": lambda url: of_html(f"<video src='{url}' type='video/webm'></video>"),
    "source": lambda url: of_html(f"<video><source src='{url}' type='video/webm'></video>"),
    "frame": lambda url: of_html(f"<iframe src='{url}'></iframe>"),
    "refresh": lambda url: of_html(f"<meta http-equiv='refresh' content='0; url={url}'>"),
    "playlist": lambda url: of_playlist(HLS, f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n"),
    "list of playlists": lambda url: of_playlist(HLS, f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\n{url}\n"),
    "manifest": lambda url: of_playlist(
        DASH,
        "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static' mediaPresentationDuration='PT1S'><Period>"
        "<AdaptationSet mimeType='video/webm'><Representation id='1' bandwidth='1000' codecs='vp8' width='64'>"
        f"<BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    ),
}


@pytest.mark.parametrize("lead", LEADS)
def test_a_file_that_a_page_names_is_never_opened(tmp_path: Path, lead: str) -> None:
    clip = write_clip(tmp_path / "hall.webm", fourcc="VP80")
    with serve(LEADS[lead](clip.as_uri())) as (site, _), pytest.raises(SourceUnavailable) as caught:
        open_source(f"page:{site}/", Camera())
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "FILE:///etc/passwd", "rtsp://127.0.0.1/x", "concat:a|b", "pipe:0"]
)
def test_a_video_that_is_not_on_the_web_is_refused_by_its_scheme(url: str) -> None:
    with serve(LEADS["video"](url)) as (site, _), pytest.raises(SourceUnavailable) as caught:
        open_source(f"page:{site}/", Camera())
    assert "/etc/passwd" not in str(caught.value)


def test_the_message_names_the_scheme_alone(tmp_path: Path) -> None:
    with serve(LEADS["video"]("file:///etc/passwd")) as (site, _), pytest.raises(SourceUnavailable) as caught:
        open_source(f"page:{site}/", Camera())
    says = "the page names a video that is not on the web, got file:, expected http or https"
    assert str(caught.value) == f"{site}/: {says}"
