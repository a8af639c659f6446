"""Everything that decides a training run of the detector, as data: `training/configs/detection/*.toml`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from edge.schemas.vocabulary import Name
from training.networks.detection import DetectionNetworkConfig
from training.runs.augmentation import Augmentation
from training.runs.configuration import Seed

Share = Annotated[float, Meta(ge=0, le=1)]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Canvas(_Part, frozen=True, kw_only=True):
    """Size of a batch's pictures; the smaller they are, the more of them fill the same area."""

    width_px: Annotated[int, Meta(ge=64, multiple_of=32)]
    height_px: Annotated[int, Meta(ge=64, multiple_of=32)]
    share: Annotated[float, Meta(gt=0, description="Share of the batches, relative to the other canvases.")] = 1.0


class Tiling(_Part, frozen=True, kw_only=True):
    """How a canvas is divided into cells, each of which shows a part of a picture."""

    rows: Annotated[int, Meta(ge=1)]
    columns: Annotated[int, Meta(ge=1)]
    share: Annotated[float, Meta(gt=0, description="Share of the canvases, relative to the other tilings.")]
    boxed: Annotated[Share, Meta(description="Share of the cells that show a picture from a data set with boxes.")] = (
        0.5
    )


class Mosaic(_Part, frozen=True, kw_only=True):
    """What a canvas shows. Sizes of faces are in px of the canvas."""

    tilings: Annotated[tuple[Tiling, ...], Meta(min_length=1)] = (
        Tiling(rows=1, columns=1, share=0.42, boxed=0.7),
        Tiling(rows=1, columns=2, share=0.16, boxed=0.5),
        Tiling(rows=2, columns=2, share=0.16, boxed=0.4),
        Tiling(rows=2, columns=3, share=0.12, boxed=0.25),
        Tiling(rows=4, columns=6, share=0.08, boxed=0.05),
        Tiling(rows=6, columns=10, share=0.06, boxed=0.0),
    )
    centred: Annotated[
        Share, Meta(description="Share of the cells that are centred on a face; the others lie anywhere.")
    ] = 0.7
    zoom: Annotated[float, Meta(ge=1, description="Largest enlargement of a picture beyond what fills its cell.")] = 3.0
    enlarged: Annotated[float, Meta(ge=1, description="Largest enlargement of a picture beyond its own size.")] = 3.0
    smallest_px: Annotated[float, Meta(ge=2, description="Smaller faces are neither faces nor background.")] = 8.0
    rotation_deg: Annotated[float, Meta(ge=0, description="Largest angle.")] = 20.0
    stretch: Annotated[float, Meta(ge=0, description="Standard deviation of the log of the aspect.")] = 0.06
    mask: Annotated[Share, Meta(description="Share of the faces that get a mask drawn over mouth and nose.")] = 0.12
    covered: Annotated[Share, Meta(description="Share of the faces that something in front covers in part.")] = 0.12
    heads: Annotated[Share, Meta(description="Share of the faces whose head is turned aside, up or down.")] = 0.0
    turned: Annotated[float, Meta(ge=0, description="How much more often pictures of turned faces appear.")] = 4.0
    doubted: Annotated[
        Share, Meta(description="Score below which what only teachers see beside labelled faces is background.")
    ] = 0.0
    doubted_small: Annotated[Share, Meta(description="The same for sides under 24 px of the picture.")] = 0.0


class Schedule(_Part, frozen=True, kw_only=True):
    """How long and how fast to train. The learning rate rises over the warm-up and falls as a cosine to zero."""

    epochs: Annotated[int, Meta(ge=1)] = 40
    batches: Annotated[int, Meta(ge=1, description="Batches per epoch.")] = 200
    area_px: Annotated[int, Meta(ge=4096, description="Pixels of all pictures of a batch together.")] = 32 * 320 * 192
    learning_rate: Annotated[float, Meta(gt=0)] = 3e-3
    warmup_epochs: Annotated[float, Meta(ge=0)] = 1.0
    weight_decay: Annotated[float, Meta(ge=0)] = 0.02
    average_decay: Annotated[float, Meta(ge=0, lt=1, description="Of the moving average of the weights.")] = 0.998
    validate_every: Annotated[int, Meta(ge=1, description="Epochs between validations.")] = 4
    seed: Seed = 1


class Targets(_Part, frozen=True, kw_only=True):
    """Which cells answer for a face, and how much each error counts."""

    cells: Annotated[int, Meta(ge=1, description="Number of cells that answer for a face.")] = 7
    reach: Annotated[
        float, Meta(gt=0, description="Largest distance of these cells from the face's centre, share of its side.")
    ] = 0.3
    ranges_px: Annotated[
        tuple[tuple[float, float], tuple[float, float], tuple[float, float]],
        Meta(description="Sides of the faces that strides 8, 16 and 32 answer for."),
    ] = ((0.0, 64.0), (28.0, 160.0), (72.0, 1e6))
    box_weight: Annotated[float, Meta(ge=0)] = 2.0
    points_weight: Annotated[float, Meta(ge=0)] = 3.0
    points_beta: Annotated[
        float, Meta(gt=0, description="Share of a box's side below which an error of its points counts squared.")
    ] = 0.05


CANVAS = Augmentation(
    blur=0.12, light=0.3, colour=0.15, grey=0.08, dark=0.12, noise=0.02, jpeg=0.15,
)  # fmt: skip
"""Only light, blur, noise and codec are used: the mosaic moves and covers faces itself."""


class Card(_Part, frozen=True, kw_only=True):
    """What the exported network's manifest says about it."""

    id: Name = "own-face"
    version: str = "0.1.0"
    description: str = "Face boxes and five landmarks, trained with passerby."
    licence: str = "not stated"
    source: str = "passerby train detection"
    training_data: str = "not stated"


class DetectionConfig(_Part, frozen=True, kw_only=True):
    """A whole training run, except for its data."""

    network: DetectionNetworkConfig = field(default_factory=DetectionNetworkConfig)
    schedule: Schedule = field(default_factory=Schedule)
    canvases: Annotated[tuple[Canvas, ...], Meta(min_length=1)] = (
        Canvas(width_px=320, height_px=192, share=0.5),
        Canvas(width_px=256, height_px=256, share=0.2),
        Canvas(width_px=640, height_px=384, share=0.3),
    )
    mosaic: Mosaic = field(default_factory=Mosaic)
    targets: Targets = field(default_factory=Targets)
    disturbed: Annotated[
        Share, Meta(description="Share of the canvases that light, lens, sensor and codec change.")
    ] = 0.6
    augmentation: Augmentation = CANVAS
    card: Card = field(default_factory=Card)
