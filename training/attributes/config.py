"""Everything that decides a training run, as data: `training/configs/*.toml`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from edge.schemas.vocabulary import Name
from training.networks.attributes import NetworkConfig
from training.runs.augmentation import Augmentation
from training.runs.configuration import Seed


class _Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Schedule(_Part, frozen=True, kw_only=True):
    """How long and how fast to train. The learning rate rises over the warm-up and falls as a cosine to zero."""

    epochs: Annotated[int, Meta(ge=1)] = 60
    batch: Annotated[int, Meta(ge=2)] = 256
    learning_rate: Annotated[float, Meta(gt=0)] = 3e-3
    warmup_epochs: Annotated[float, Meta(ge=0)] = 2.0
    weight_decay: Annotated[float, Meta(ge=0)] = 0.05
    average_decay: Annotated[float, Meta(ge=0, lt=1, description="Of the moving average of the weights.")] = 0.998
    seed: Seed = 1


class Targets(_Part, frozen=True, kw_only=True):
    """What the network should answer for a labelled face."""

    age_sigma_years: Annotated[float, Meta(gt=0, description="Spread of the label at 0 years.")] = 1.0
    age_sigma_growth: Annotated[float, Meta(ge=0, description="Added spread per year of age.")] = 0.03
    years_weight: Annotated[float, Meta(ge=0, description="Weight of the expectation's error, per year.")] = 0.1
    gender_weight: Annotated[float, Meta(ge=0)] = 1.0
    features_weight: Annotated[
        float, Meta(ge=0, description="Weight of the teachers' features, in their own standard deviations.")
    ] = 3.0
    gender_smoothing: Annotated[float, Meta(ge=0, lt=0.5)] = 0.05
    gender_from_years: Annotated[float, Meta(ge=0, description="Faces younger than this count a tenth for gender.")] = (
        3.0
    )
    masked_doubt: Annotated[
        float, Meta(ge=0, le=1, description="How much of the answer for a face with a drawn mask is left open.")
    ] = 0.9
    rarity: Annotated[float, Meta(ge=0, le=1, description="0: every face counts alike; 1: every age does.")] = 0.3
    mixup: Annotated[float, Meta(ge=0, le=1, description="Share of the batches whose pictures are mixed.")] = 0.3


class Distillation(_Part, frozen=True, kw_only=True):
    """Teachers answer for each undisturbed face; faces without labels are used too.

    After Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
    """

    teachers: Annotated[
        tuple[str, ...], Meta(description="Weights files; the student learns the mean of their answers.")
    ] = ()
    share: Annotated[float, Meta(ge=0, le=1, description="Weight of the teachers relative to the labels.")] = 0.8


class Card(_Part, frozen=True, kw_only=True):
    """What the exported network's manifest says about it."""

    id: Name = "own-agegender"
    version: str = "0.1.0"
    description: str = "Age and gender, trained with passerby."
    licence: str = "not stated"
    source: str = "passerby train attributes"
    training_data: str = "not stated"


class TrainingConfig(_Part, frozen=True, kw_only=True):
    """A whole training run, except for its data."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    schedule: Schedule = field(default_factory=Schedule)
    targets: Targets = field(default_factory=Targets)
    augmentation: Augmentation = field(default_factory=Augmentation)
    distillation: Distillation = field(default_factory=Distillation)
    card: Card = field(default_factory=Card)
