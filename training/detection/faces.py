"""What a network in training finds in pictures: through the device's own decoder and non-maximum suppression."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from edge.sensor.detection import yunet
from edge.sensor.detection.nms import suppress
from edge.sensor.imaging import stretch
from edge.sensor.types import Image
from training.evaluation.detection.boxes import Found
from training.networks.detection import STRIDES, DetectionNetwork

NMS_IOU = 0.45
FAINTEST = 0.05
MOST_CANDIDATES = 300
"""An untrained network sees faces everywhere."""


@torch.no_grad()
def find_faces(network: DetectionNetwork, image: Image, scale: float = 1.0) -> Found:
    """Faces of a picture, uint8 (H, W, 3) BGR, which the network sees enlarged by `scale`; boxes in its px."""
    height, width = (max(8, round(side * scale)) for side in image.shape[:2])
    seen = image if scale == 1 else stretch(image, (height, width))
    padded = functional.pad(torch.from_numpy(seen).permute(2, 0, 1)[None].float() / 255, _padding(height, width))
    device = next(network.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        levels = network(padded.to(device).contiguous(memory_format=torch.channels_last))
    outputs: dict[str, NDArray[np.float32]] = {}
    for stride, level in zip(STRIDES, levels, strict=True):
        logits, boxes, points = (part.float().permute(0, 2, 3, 1).flatten(1, 2).cpu().numpy() for part in level)
        score = 1 / (1 + np.exp(-logits))
        outputs |= {f"cls_{stride}": score, f"obj_{stride}": score, f"bbox_{stride}": boxes, f"kps_{stride}": points}
    found = yunet.decode(outputs, (int(padded.shape[2]), int(padded.shape[3])), FAINTEST)
    best = np.argsort(-found.scores, kind="stable")[:MOST_CANDIDATES]
    boxes, scores = found.boxes[best], found.scores[best]
    kept = suppress(boxes.tolist(), scores.tolist(), NMS_IOU)
    return Found(boxes[kept] / scale, scores[kept])


def _padding(height: int, width: int) -> tuple[int, int, int, int]:
    """Padding for `functional.pad`: right and below, to a multiple of 32 px."""
    return 0, -width % 32, 0, -height % 32
