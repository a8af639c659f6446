"""Every setting of `passerby.toml`: type, unit, range and what it does, in one place.

`edge.settings.settings_file` reads them (TOML, then environment, then flags); `docs/settings.md` is generated from
here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edge.schemas.vocabulary import NAME_IN_WORDS, Name, Target, TaxonomyName
from edge.settings.opening_hours import Hours


def _number(unit: str, what: str, *, low: float, high: float) -> Meta:
    return Meta(ge=low, le=high, description=what, extra={"unit": unit})


def _text(what: str, *, pattern: str | None = None, allowed: str = "") -> Meta:
    """`allowed` describes in words what the pattern accepts."""
    return Meta(description=what, pattern=pattern, extra={"unit": "", "allowed": allowed})


class _Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Identity(_Section, frozen=True, kw_only=True):
    """Where this device stands; both words are part of every topic."""

    site: Annotated[Name, _text("Site, as in the topics.", allowed=NAME_IN_WORDS)] = "site"
    device: Annotated[Name, _text("Device, as in the topics; unique within the site.", allowed=NAME_IN_WORDS)] = (
        "device"
    )


class Camera(_Section, frozen=True, kw_only=True):
    """Where frames come from."""

    source: Annotated[
        str, _text("A V4L2 number or /dev path, `picamera`, `csi:0` (Jetson), a file, a folder, or a network address.")
    ] = "0"
    width_px: Annotated[int, _number("px", "Width asked of a camera.", low=160, high=4096)] = 1280
    height_px: Annotated[int, _number("px", "Height asked of a camera.", low=120, high=4096)] = 720
    fps: Annotated[
        float, _number("frames/s", "Rate asked of a camera; rate of raw video (.h264, .mjpeg).", low=0.1, high=240)
    ] = 30.0
    view_width_px: Annotated[
        int,
        _number(
            "px",
            "picamera: width of the second stream, in which faces are detected; 0 takes the first.",
            low=0,
            high=4096,
        ),
    ] = 640
    min_fps: Annotated[
        float,
        _number(
            "frames/s", "picamera: how slow it may get for longer exposures in the dark; 0 is `fps`.", low=0, high=240
        ),
    ] = 0.0
    exposure_us: Annotated[
        int, _number("µs", "picamera, csi: fixed time of exposure; 0 leaves it to the camera.", low=0, high=1_000_000)
    ] = 0
    exposure_value: Annotated[
        float, _number("stops", "picamera, csi: brighter or darker than the camera's own choice.", low=-8, high=8)
    ] = 0.0
    rotation_deg: Annotated[
        Literal[0, 90, 180, 270], Meta(description="Clockwise turn of the picture.", extra={"unit": "degrees"})
    ] = 0
    realtime: Annotated[bool, _text("Play files at their own pace instead of as fast as possible.")] = False
    max_frame_age_s: Annotated[float, _number("s", "Older frames of a live source are skipped.", low=0.05, high=60)] = (
        0.5
    )
    frozen_s: Annotated[
        float,
        _number(
            "s",
            "A live source that shows the very same picture for so long, with somebody in view, hangs and is opened "
            "again; 0 never.",
            low=0,
            high=3600,
        ),
    ] = 5.0
    reopen_initial_s: Annotated[
        float, _number("s", "First wait before a lost camera is tried again.", low=0.05, high=60)
    ] = 0.5
    reopen_max_s: Annotated[
        float, _number("s", "Longest wait between tries; waits double up to it.", low=0.1, high=600)
    ] = 30.0
    allow_network_source: Annotated[
        bool, _text("Let `run` read a camera over the network: opens the sensor's wall, shown in `info`.")
    ] = False


class Models(_Section, frozen=True, kw_only=True):
    """Which networks run, and where."""

    set: Annotated[Name, _text("Model set of the catalog (`passerby models list`).", allowed=NAME_IN_WORDS)] = "nano"
    targets: Annotated[
        tuple[Target, ...],
        Meta(
            min_length=1,
            description="Targets in order of preference; only a named unavailability moves to the next.",
            extra={"unit": ""},
        ),
    ] = ("openvino:CPU", "onnxruntime:CPU", "tflite:CPU", "opencv:CPU")
    threads: Annotated[int, _number("threads", "CPU threads for one inference.", low=1, high=64)] = 1


class Accelerators(_Section, frozen=True, kw_only=True):
    """Accelerators that live in worker processes: `ncs2` and `coral:*` among `models.targets`."""

    ncs2_python: Annotated[
        str, _text("Interpreter with OpenVINO 2022.3 or 2021.4 and its MYRIAD plugin, for the Neural Compute Stick 2.")
    ] = "/opt/passerby/ncs2/bin/python"
    coral_library: Annotated[str, _text("Delegate of the Coral Edge TPU: a path, or a name that the linker finds.")] = (
        "libedgetpu.so.1"
    )
    answer_s: Annotated[
        float, _number("s", "A worker that takes longer for an answer hangs and is ended.", low=0.05, high=0.8)
    ] = 0.5
    start_s: Annotated[
        float, _number("s", "A worker that takes longer to load its networks hangs and is ended.", low=1, high=120)
    ] = 10.0
    restart_initial_s: Annotated[
        float, _number("s", "First wait before a lost accelerator is tried again.", low=0.05, high=60)
    ] = 1.0
    restart_max_s: Annotated[
        float, _number("s", "Longest wait between tries; waits double up to it.", low=0.1, high=3600)
    ] = 60.0


class Detection(_Section, frozen=True, kw_only=True):
    """Finding faces."""

    width_px: Annotated[
        int,
        _number(
            "px",
            "Width of the detector's input; 0 takes the manifest's, -1 the picture's own, "
            "-2 the manifest's, and at every fourth frame half of the picture's (up to 640).",
            low=-2,
            high=4096,
        ),
    ] = -2
    score: Annotated[
        float, _number("fraction", "Detections below it are not faces; 0 takes the manifest's.", low=0, high=1)
    ] = 0.0
    low_score: Annotated[
        float, _number("fraction", "Fainter faces that still carry on a track; 0 takes the manifest's.", low=0, high=1)
    ] = 0.0
    idle_fps: Annotated[
        float, _number("frames/s", "Detections a second while nothing moves and nobody is followed.", low=0.1, high=240)
    ] = 2.0
    idle_after_s: Annotated[float, _number("s", "Stillness before idling begins.", low=0, high=600)] = 1.0
    motion: Annotated[
        float,
        _number(
            "grey levels",
            "Mean change of a cell of the small grey picture that counts as motion; 0 never idles.",
            low=0,
            high=255,
        ),
    ] = 6.0


class Tracking(_Section, frozen=True, kw_only=True):
    """Following faces over frames."""

    confirm_hits: Annotated[int, _number("detections", "Detections that confirm a track.", low=1, high=100)] = 3
    max_gap_s: Annotated[float, _number("s", "A face lost for less is the same visit.", low=0, high=60)] = 2.0


class Attributes(_Section, frozen=True, kw_only=True):
    """Estimating apparent gender and age on a few good looks."""

    enabled: Annotated[bool, _text("False counts people without gender and age.")] = True
    taxonomy: Annotated[TaxonomyName, _text("Age brackets of events.")] = "ads-8"
    samples: Annotated[int, _number("looks", "Looks kept for a visit.", low=1, high=100)] = 5
    interval_s: Annotated[float, _number("s", "Least time between two looks.", low=0, high=60)] = 0.4
    refresh_s: Annotated[
        float, _number("s", "A new look when the last is older, even with enough samples.", low=0.1, high=3600)
    ] = 10.0
    min_face_px: Annotated[float, _number("px", "Smaller faces are not estimated.", low=4, high=1000)] = 20.0
    min_quality: Annotated[float, _number("fraction", "Looks below it are not estimated.", low=0, high=1)] = 0.25
    min_gender_confidence: Annotated[
        float, _number("fraction", "Below it the gender is unknown; 0 takes the manifest's.", low=0, high=1)
    ] = 0.0
    min_age_confidence: Annotated[
        float, _number("fraction", "Below it the bracket is unknown; 0 takes the manifest's.", low=0, high=1)
    ] = 0.0


class Attention(_Section, frozen=True, kw_only=True):
    """When a face counts as attentive to the screen."""

    max_yaw_deg: Annotated[float, _number("degrees", "Largest turn to a side.", low=1, high=90)] = 25.0
    max_pitch_deg: Annotated[float, _number("degrees", "Largest tilt up or down.", low=1, high=90)] = 25.0
    glance_gap_s: Annotated[float, _number("s", "Turning away for longer ends a glance.", low=0, high=60)] = 0.5


class Visits(_Section, frozen=True, kw_only=True):
    """What counts as a visit."""

    min_dwell_s: Annotated[float, _number("s", "Shorter visits are not reported.", low=0, high=600)] = 0.5
    leave_out_static: Annotated[
        bool, _text("A face that does not move at all for 40 s (a poster, a mannequin) is no visit until it moves.")
    ] = True
    max_dwell_s: Annotated[
        float, _number("s", "A visit is closed and a new one opened after it.", low=10, high=86_400)
    ] = 3600.0


class Privacy(_Section, frozen=True, kw_only=True):
    """What may be reported about people, and how coarsely."""

    require_lock: Annotated[
        bool, _text("Refuse to see when the sensor cannot lock itself; false is for development only.")
    ] = True
    minors: Annotated[
        Literal["unknown", "band", "drop"],
        _text(
            "Visits under 13: `unknown` reports bracket 0-12 without gender, `band` what was estimated, `drop` nothing."
        ),
    ] = "unknown"
    time_resolution_s: Annotated[int, _number("s", "Times in events are rounded down to it.", low=1, high=3600)] = 1
    k: Annotated[
        int,
        _number(
            "visits",
            "Smallest group that an aggregate reports. No effect: aggregates are not made yet.",
            low=1,
            high=1000,
        ),
    ] = 5
    jitter_s: Annotated[float, _number("s", "Random delay of each event before it is sent.", low=0, high=3600)] = 0.0


class Pause(_Section, frozen=True, kw_only=True):
    """When the camera is closed, by what is decided at the device."""

    flag_file: Annotated[
        str, _text("A file whose presence pauses; empty takes `paused` in the state folder. The sensor must see it.")
    ] = ""
    open_hours: Annotated[
        tuple[Hours, ...],
        _text(
            "Local opening hours, such as `mon-fri 08:00-20:00`, `sat 22:00-02:00`; empty is always open.",
            allowed="DAY HH:MM-HH:MM | DAY-DAY HH:MM-HH:MM",
        ),
    ] = ()


class Thermal(_Section, frozen=True, kw_only=True):
    """Fewer frames while the machine is hot, so that the kernel need not slow everything down."""

    slow_from_c: Annotated[
        float,
        _number(
            "°C",
            "From here on the frame rate is halved, step by step; 0: 5 °C below the kernel's limit.",
            low=0,
            high=110,
        ),
    ] = 0.0
    hysteresis_c: Annotated[
        float, _number("°C", "It must have become this much cooler before it speeds up.", low=1, high=40)
    ] = 5.0
    recover_s: Annotated[
        float, _number("s", "It must have been cooler for this long before it speeds up.", low=1, high=3600)
    ] = 30.0
    interval_s: Annotated[
        float, _number("s", "Between two readings of the temperature, and so between two steps.", low=1, high=600)
    ] = 5.0
    min_fps: Annotated[float, _number("frames/s", "Lowest frame rate.", low=0.1, high=60)] = 2.0


class Publish(_Section, frozen=True, kw_only=True):
    """What is sent, and how often."""

    events: Annotated[
        tuple[Literal["visit", "live", "aggregate"], ...],
        _text("Kinds of events that leave the device; `aggregate` is refused, it is not made yet."),
    ] = ("visit", "live")
    await_clock_s: Annotated[
        float,
        _number("s", "Seconds since boot that events wait for the clock to be set.", low=0, high=86_400),
    ] = 120.0
    live_interval_s: Annotated[float, _number("s", "Between two live events.", low=0.2, high=3600)] = 2.0
    health_interval_s: Annotated[float, _number("s", "Between two health events.", low=1, high=86_400)] = 30.0
    aggregate_window_s: Annotated[
        int, _number("s", "Window of an aggregate. No effect: aggregates are not made yet.", low=60, high=86_400)
    ] = 900


class Broker(_Section, frozen=True, kw_only=True):
    """The MQTT broker."""

    url: Annotated[str, _text("mqtt://HOST[:1883] or mqtts://HOST[:8883].")] = "mqtt://127.0.0.1:1883"
    username: Annotated[str, _text("User name; empty for none.")] = ""
    password_file: Annotated[str, _text("File that holds the password; empty for none.")] = ""
    client_id: Annotated[
        str,
        _text(
            "MQTT client id; empty makes `passerby-<site>-<device>`.",
            pattern=r"^[A-Za-z0-9_-]{0,64}$",
            allowed="of at most 64 letters, digits, - and _",
        ),
    ] = ""
    topic_prefix: Annotated[
        str,
        _text(
            "First part of every topic.",
            pattern=r"^[A-Za-z0-9_/-]{1,64}$",
            allowed="of 1-64 letters, digits, -, _ and /",
        ),
    ] = "passerby"
    protocol: Annotated[Literal["auto", "5", "3.1.1"], _text("MQTT version; auto tries 5, then 3.1.1.")] = "auto"
    keepalive_s: Annotated[int, _number("s", "MQTT keep alive.", low=5, high=3600)] = 30
    ca_file: Annotated[str, _text("CA certificates (PEM) for mqtts; empty takes the system's.")] = ""
    cert_file: Annotated[str, _text("Client certificate (PEM); empty for none.")] = ""
    key_file: Annotated[str, _text("Client key (PEM); empty for none.")] = ""
    insecure: Annotated[bool, _text("Do not check the broker's host name: for tests only.")] = False
    reconnect_initial_s: Annotated[
        float, _number("s", "First wait before reconnecting, jittered.", low=0.05, high=60)
    ] = 0.5
    reconnect_max_s: Annotated[float, _number("s", "Longest wait between tries.", low=0.1, high=3600)] = 60.0


class Outbox(_Section, frozen=True, kw_only=True):
    """Events on disk until the broker has them."""

    max_rows: Annotated[int, _number("events", "Most events kept.", low=100, high=10_000_000)] = 200_000
    max_bytes: Annotated[int, _number("bytes", "Most bytes of events kept.", low=100_000, high=100_000_000_000)] = (
        200_000_000
    )
    max_age_s: Annotated[float, _number("s", "Older events are dropped.", low=60, high=31_536_000)] = 2_592_000.0
    when_full: Annotated[
        Literal["drop-oldest", "refuse"],
        _text("Drop the oldest events, or refuse new ones, which the sensor then keeps."),
    ] = "drop-oldest"
    commit_interval_ms: Annotated[
        int, _number("ms", "At most one commit to disk in this time.", low=1, high=10_000)
    ] = 50
    max_inflight: Annotated[
        int, _number("events", "Events sent and not yet acknowledged by the broker.", low=1, high=65_535)
    ] = 500


MOST_ZONES = 16
Fraction = Annotated[float, Meta(ge=0, le=1)]
POINTS_IN_WORDS = "3 to 32 points [across, down], fractions 0 to 1 of the picture"


class Zone(_Section, frozen=True, kw_only=True):
    """A part of the picture, in any number of tables: where nobody is seen, or the only parts where faces count."""

    kind: Annotated[
        Literal["area", "ignore"],
        _text("`ignore`: nobody is seen there. `area`: only faces inside count; several areas count together."),
    ]
    points: Annotated[
        tuple[tuple[Fraction, Fraction], ...],
        Meta(
            min_length=3,
            max_length=32,
            description="Corners of a polygon in turn, in the picture after `camera.rotation_deg`; "
            "`analyze --annotate` draws it.",
            extra={"unit": "", "allowed": POINTS_IN_WORDS},
        ),
    ]


class Settings(_Section, frozen=True, kw_only=True):
    """All of `passerby.toml`."""

    identity: Identity = field(default_factory=Identity)
    camera: Camera = field(default_factory=Camera)
    models: Models = field(default_factory=Models)
    accelerators: Accelerators = field(default_factory=Accelerators)
    detection: Detection = field(default_factory=Detection)
    tracking: Tracking = field(default_factory=Tracking)
    attributes: Attributes = field(default_factory=Attributes)
    attention: Attention = field(default_factory=Attention)
    visits: Visits = field(default_factory=Visits)
    privacy: Privacy = field(default_factory=Privacy)
    pause: Pause = field(default_factory=Pause)
    thermal: Thermal = field(default_factory=Thermal)
    publish: Publish = field(default_factory=Publish)
    broker: Broker = field(default_factory=Broker)
    outbox: Outbox = field(default_factory=Outbox)
    zones: Annotated[tuple[Zone, ...], Meta(description="At most 16; none unless given.")] = ()
