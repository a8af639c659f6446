"""Analyzes sources one after the other, each as its kind needs, and reports to a listener what it finds."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.errors import BadInput, PasserbyError, SourceUnavailable, UsageError, explain
from edge.schemas.analyze import AnalyzeError
from edge.sensor.assemble import Networks, detector_score, make_detector, make_fusion
from edge.sensor.pipeline import Presence
from edge.sensor.sources.pictures import read_pictures
from edge.settings.settings import Settings
from edge.workbench.analyze.footage import watch
from edge.workbench.analyze.lines import LineWriter
from edge.workbench.analyze.listening import Ending, Listener, Seen
from edge.workbench.analyze.pictures import Aligned, Detecting, Examination, analyze_pictures
from edge.workbench.analyze.reopening import CameraChange
from edge.workbench.analyze.sources import Source


class Analyst:
    """Analyzes any source with the networks of a model set.

    aligned: each picture is one aligned face. visits_only: pictures too are frames of footage, as they are to a sensor,
    and footage starts now. each_frame: report the faces of each frame of footage, not its visits only. tick: called
    after every picture and frame. on_change: called when a live source is lost or comes back. tell: takes a line
    about what lies beside the pictures of a folder or tar and is left out. go_on: called after every picture and before
    every frame; False ends the source as if it were over. idle: waits that many seconds, where a live source has
    nothing.
    """

    def __init__(
        self,
        settings: Settings,
        networks: Networks,
        listener: Listener,
        *,
        aligned: bool = False,
        visits_only: bool = False,
        each_frame: bool = True,
        tick: Callable[[], None] = lambda: None,
        on_change: Callable[[CameraChange], None] = lambda change: None,
        tell: Callable[[str], None] = lambda line: None,
        go_on: Callable[[], bool] = lambda: True,
        idle: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._networks, self._listener = settings, networks, listener
        self._aligned, self._visits_only, self._each_frame = aligned, visits_only, each_frame
        self._tick, self._on_change, self._tell, self._go_on, self._idle = tick, on_change, tell, go_on, idle
        self._writer = LineWriter(make_fusion(settings, networks.manifests[1:]), untrained=networks.untrained)

    def analyze(self, source: Source) -> Ending:
        """Analyze one source. What cannot be read is reported to the listener, and the last of it returned.

        Raises InferenceError, and UsageError for what no source of this kind can be asked.
        """
        try:
            if source.is_pictures and not self._visits_only:
                return self._look_through(source)
            return self._watch(source)
        except (BadInput, SourceUnavailable) as error:
            self._listener.failed(AnalyzeError(source=source.named.source, error=str(error)))
            return Ending(error)

    def _look_through(self, source: Source) -> Ending:
        error: PasserbyError | None = None
        found = analyze_pictures(
            read_pictures(source.address, self._tell),
            self._examination(),
            self._writer,
            name=source.name_picture,
            rotation_deg=self._settings.camera.rotation_deg,
        )
        for each in found:
            if isinstance(each, Seen):
                self._listener.seen(each)
            else:
                error = BadInput(each.error)
                self._listener.failed(each)
            self._tick()
            if not self._go_on():
                break
        return Ending(error)

    def _examination(self) -> Examination:
        networks = self._networks
        if self._aligned:
            return Aligned(networks.estimator, networks.manifests[1:])
        detector = make_detector(self._settings, networks)
        least_px = self._settings.attributes.min_face_px
        return Detecting(detector, networks.estimator, detector_score(self._settings, networks), least_px)

    def _watch(self, source: Source) -> Ending:
        """Times are those within the file, unless visits need their real times."""
        camera = self._settings.camera
        starts_at = None if self._visits_only or camera.realtime else 0.0
        presence = Presence()
        footage = source.open_footage(camera, self._on_change, starts_at, lambda: presence.in_view, self._idle)
        return watch(
            footage,
            source.named,
            self._listener,
            self._settings,
            self._networks,
            writer=self._writer if self._each_frame else None,
            began_at=None if footage.live else starts_at,
            tick=self._tick,
            go_on=self._go_on,
            presence=presence,
        )


def check_request(sources: list[Source], *, aligned: bool, visits_only: bool) -> None:
    """Refuse what does not go together. Raises UsageError."""
    if not aligned:
        return
    if visits_only:
        raise UsageError(
            explain("--visits and --aligned do not go together", next_step="aligned pictures have no visits")
        )
    for source in sources:
        if not source.is_pictures:
            raise UsageError(
                explain("--aligned takes pictures", got=source.named.source, expected="images, folders or tars")
            )
