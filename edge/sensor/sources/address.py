"""What kind of source an address is by its words alone: nothing is opened or resolved. `path_kind` looks at files."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from edge.errors import UsageError, explain

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
     ".jp2", ".j2k", ".avif", ".gif", ".apng"}
)  # fmt: skip
"""Names that claim to be a picture's, moving or not. What a file is, its first bytes say (`path_kind`)."""
MOTION_JPEG_SUFFIXES = frozenset({".mjpeg", ".mjpg"})
RAW_VIDEO_SUFFIXES = frozenset({".h264", ".264", ".avc", ".h265", ".265", ".hevc"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv", ".3gp",
     ".ogv", *MOTION_JPEG_SUFFIXES, *RAW_VIDEO_SUFFIXES}
)  # fmt: skip

_MOVING_SUFFIXES = frozenset({".gif", ".apng"})
_TAR_ENDS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "udp", "tcp", "rtp", "srt"})
WEB_SCHEMES = ("http", "https")
"""What a page and the video on it are opened by."""
_PAGE_HOSTS = ("youtube.com", "youtu.be", "vimeo.com", "twitch.tv", "dailymotion.com")
_PAGE_SUFFIXES = frozenset({".html", ".htm", ".php"})
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_CSI = re.compile(r"^csi(:\d)?$")
_PAGE_PREFIX, _FAKE_PREFIX = "page:", "fake:"
DEMO_ADDRESS = "demo:"


class SourceKind(Enum):
    """Every kind of source that `edge.sensor.sources.opening` opens."""

    V4L2 = "v4l2"
    PICAMERA = "picamera"
    CSI = "csi"
    FAKE = "fake"
    DEMO = "demo"
    IMAGE = "image"
    FOLDER = "folder"
    TAR = "tar"
    ANIMATION = "animation"
    VIDEO = "video"
    RAW_VIDEO = "raw video"
    STREAM = "stream"
    PAGE = "page"

    @property
    def is_camera(self) -> bool:
        """True for a camera on this machine."""
        return self in (SourceKind.V4L2, SourceKind.PICAMERA, SourceKind.CSI)

    @property
    def is_pictures(self) -> bool:
        """True for single pictures without a time of their own."""
        return self in (SourceKind.IMAGE, SourceKind.FOLDER, SourceKind.TAR)

    @property
    def is_path(self) -> bool:
        """True for files and folders of this machine."""
        return self.is_pictures or self in (SourceKind.ANIMATION, SourceKind.VIDEO, SourceKind.RAW_VIDEO)


def classify(address: str) -> SourceKind:
    """Kind of an address as written in `camera.source`.

    A number or /dev path is V4L2; a path that ends in / or has no suffix is a folder (opening checks whether it is).
    Raises UsageError for an empty address or one with an unknown scheme.
    """
    if not address.strip():
        raise UsageError(explain("no source given", expected="a camera, file, folder or network address"))
    if is_network(address):
        return _classify_network(address)
    if address.isdecimal() or address.startswith("/dev/"):
        return SourceKind.V4L2
    if address == "picamera":
        return SourceKind.PICAMERA
    if _CSI.match(address):
        return SourceKind.CSI
    if address.startswith(_FAKE_PREFIX):
        return SourceKind.FAKE
    if address == DEMO_ADDRESS:
        return SourceKind.DEMO
    return _classify_path(address)


def is_network(address: str) -> bool:
    """True when reading the address needs the network; any scheme counts, known or not."""
    return address.startswith(_PAGE_PREFIX) or _SCHEME.match(address) is not None


def page_url(address: str) -> str:
    """The page's own address, without the `page:` that marks it."""
    return address.removeprefix(_PAGE_PREFIX)


def shown(address: str) -> str:
    """The address as it may appear in messages: user, password and query are left out."""
    if not is_network(address):
        return address
    parts = urlsplit(page_url(address))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _classify_network(address: str) -> SourceKind:
    marked = address.startswith(_PAGE_PREFIX)
    match = _SCHEME.match(page_url(address))
    scheme = match.group(1).lower() if match else ""
    known = WEB_SCHEMES if marked else sorted(_STREAM_SCHEMES)
    try:
        where = shown(address) if match else address
    except ValueError as error:  # the address itself is left out: it may hold a password
        raise UsageError(explain("malformed address", got=f"{scheme}://...", expected="SCHEME://HOST/PATH")) from error
    if scheme not in known:
        raise UsageError(explain("unknown kind of source", where=where, expected=", ".join(known)))
    return SourceKind.PAGE if marked or _is_page(page_url(address), scheme) else SourceKind.STREAM


def _is_page(url: str, scheme: str) -> bool:
    if scheme not in WEB_SCHEMES:
        return False
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    known = any(host == page or host.endswith("." + page) for page in _PAGE_HOSTS)
    return known or PurePosixPath(parts.path).suffix.lower() in _PAGE_SUFFIXES


def _classify_path(address: str) -> SourceKind:
    name = address.lower()
    suffix = PurePosixPath(name).suffix
    if name.endswith(_TAR_ENDS):
        return SourceKind.TAR
    if name.endswith("/") or not suffix:
        return SourceKind.FOLDER
    if suffix in _MOVING_SUFFIXES:
        return SourceKind.ANIMATION
    if suffix in IMAGE_SUFFIXES:
        return SourceKind.IMAGE
    return SourceKind.RAW_VIDEO if suffix in RAW_VIDEO_SUFFIXES else SourceKind.VIDEO
