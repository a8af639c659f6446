"""A model's manifest (`manifest.toml`) and the catalog's model sets (`sets.toml`), as types.

A manifest holds all that the device must know about a network: its files and their sha256, its input, how pixels become
that input, which pure decoder reads its outputs, and what its numbers mean. `edge.catalog` finds and checks them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edge.schemas.vocabulary import ArtefactKind, Name, TaxonomyName

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$", description="A bare name beside the manifest.")
]


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class ModelFile(_Part, frozen=True, kw_only=True):
    """One file of an artefact."""

    path: FileName
    sha256: Sha256
    size: Annotated[int, Meta(ge=1, description="Bytes.")]
    url: Annotated[
        str, Meta(pattern=r"^(https?://\S+)?$", description="Official address; empty where there is none.")
    ] = ""
    found_as: Annotated[
        tuple[str, ...], Meta(description="Other relative paths under which folders of others hold it.")
    ] = ()


class Artefact(_Part, frozen=True, kw_only=True):
    """One converted or original form of the network. The first file is the one that the runtime opens."""

    kind: ArtefactKind
    files: Annotated[tuple[ModelFile, ...], Meta(min_length=1)]


class Input(_Part, frozen=True, kw_only=True):
    """How a BGR uint8 picture becomes the network's input: ((x - mean) * scale), colour, layout."""

    name: Annotated[str, Meta(description="Name of the input tensor.")]
    width_px: Annotated[int, Meta(ge=1)]
    height_px: Annotated[int, Meta(ge=1)]
    multiple_of_px: Annotated[
        int, Meta(ge=0, description="0: the size is fixed; else both sides may be any multiple of it.")
    ] = 0
    colour: Literal["BGR", "RGB"] = "BGR"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    dtype: Literal["uint8", "float32"] = "float32"
    mean: Annotated[tuple[float, float, float], Meta(description="Subtracted, in the input's colour order, 0-255.")] = (
        0.0,
        0.0,
        0.0,
    )
    scale: Annotated[float, Meta(description="Multiplied after the mean is subtracted.")] = 1.0
    resize: Annotated[
        Literal["letterbox", "stretch"], Meta(description="Keep the aspect and pad below and right, or not.")
    ] = "stretch"


class Crop(_Part, frozen=True, kw_only=True):
    """How a face is cut for an attribute network."""

    align: Annotated[
        Literal["landmarks", "box"], Meta(description="Similarity to a 5-point template, or a square round the box.")
    ]
    template: Annotated[Literal["utkface-112", ""], Meta(description="Named 5-point template.")] = ""
    margin: Annotated[
        float,
        Meta(ge=-0.5, le=2, description="Added on each side, as a share of the crop's side; negative cuts tighter."),
    ] = 0.0


class Thresholds(_Part, frozen=True, kw_only=True):
    """A detector's scores and overlaps."""

    score: Annotated[float, Meta(ge=0, le=1, description="A face.")]
    low_score: Annotated[float, Meta(ge=0, le=1, description="Carries on a track that is there already.")]
    nms_iou: Annotated[float, Meta(ge=0, le=1, description="Greater overlap is the same face.")]


class PriorLevel(_Part, frozen=True, kw_only=True):
    """Priors of one level of an SSD: the same boxes round the centre of every cell, row by row."""

    rows: Annotated[int, Meta(ge=1)]
    columns: Annotated[int, Meta(ge=1)]
    step_px: Annotated[tuple[float, float], Meta(description="From cell to cell, across and down, px of the input.")]
    sides_px: Annotated[
        tuple[tuple[float, float], ...], Meta(min_length=1, description="Width and height of each prior of a cell.")
    ]
    offset: Annotated[float, Meta(description="Where in a cell its centre lies, as a share of the step.")] = 0.5


class Priors(_Part, frozen=True, kw_only=True):
    """What the raw heads of an SSD are offsets against, in the order of its outputs."""

    levels: Annotated[tuple[PriorLevel, ...], Meta(min_length=1)]
    centre_variance: Annotated[float, Meta(gt=0)] = 0.1
    size_variance: Annotated[float, Meta(gt=0)] = 0.2
    clip: Annotated[bool, Meta(description="Cut the priors to the input.")] = False


class Calibration(_Part, frozen=True, kw_only=True):
    """Fitted on validation data: temperatures divide logits; below a confidence the answer is unknown."""

    gender_temperature: Annotated[float, Meta(gt=0)] = 1.0
    age_temperature: Annotated[float, Meta(gt=0)] = 1.0
    min_gender_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.7
    min_age_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.35
    age_sigma_years: Annotated[
        float, Meta(ge=0, description="Spread given to a model that answers with one number of years.")
    ] = 0.0
    interval_mass: Annotated[
        float,
        Meta(ge=0, le=1, description="Probability that brackets must hold for 80 % of ages to lie in them."),
    ] = 0.8


class Manifest(_Part, frozen=True, kw_only=True):
    """All of `manifest.toml`."""

    schema: Literal["passerby.manifest/1"]
    id: Name
    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+-]{1,32}$")]
    task: Literal["detection", "attributes"]
    description: str
    licence: str
    source: Annotated[str, Meta(description="Where it comes from: paper, repository or card.")]
    training_data: str
    artefacts: Annotated[tuple[Artefact, ...], Meta(min_length=1)]
    input: Input
    decoder: Literal["yunet", "ultraface", "ssd", "ssd-heads", "boxes", "nano", "age101", "adience", "omz"]
    outputs: Annotated[
        dict[str, str], Meta(description="What the decoder calls a tensor -> the tensor's name in the network.")
    ]
    thresholds: Thresholds | None = None
    priors: Annotated[Priors | None, Meta(description="Of the decoder ssd-heads.")] = None
    crop: Crop | None = None
    taxonomy: Annotated[TaxonomyName | None, Meta(description="Of a class model; null for 101 ages.")] = None
    gives: tuple[Literal["age", "gender"], ...] = ()
    calibration: Calibration = field(default_factory=Calibration)
    metrics: dict[str, float] = field(default_factory=dict)
    made_from: Annotated[
        dict[str, str], Meta(description="Of a converted network: the files it was made from and their sha256.")
    ] = field(default_factory=dict)
    made_with: Annotated[dict[str, str], Meta(description="Of a converted network: tools and their versions.")] = field(
        default_factory=dict
    )
    random_weights_seed: Annotated[int | None, Meta(description="Set on test weights: results print `untrained`.")] = (
        None
    )

    def tensor_names(self) -> tuple[str, ...]:
        """Names of the network's outputs, each once: two words of a decoder may read one tensor."""
        return tuple(dict.fromkeys(self.outputs.values()))


class ModelSet(_Part, frozen=True, kw_only=True):
    """A detector and the attribute networks that go with it."""

    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.+-]{1,32}$")]
    description: str
    detector: Name
    attributes: tuple[Name, ...] = ()


class ModelSets(_Part, frozen=True, kw_only=True):
    """All of `models/sets.toml`."""

    schema: Literal["passerby.sets/1"]
    sets: dict[str, ModelSet]
    aliases: Annotated[
        dict[str, Name], Meta(description="Name that a set had before -> today's; it keeps working.")
    ] = field(default_factory=dict)
