"""Print the faces of an image file with apparent gender and age: `python examples/faces.py IMAGE [MODEL_SET]`."""

from __future__ import annotations

import sys

import cv2
import numpy as np

import edge


def main(path: str, model_set: str | None = None) -> None:
    """Print a line for each face of the image."""
    image = cv2.imread(path)
    if image is None:
        raise edge.BadInput(f"{path}: not an image that OpenCV can read")
    with edge.open_model_set(model_set) as networks:
        for face in networks.faces(np.asarray(image, np.uint8)):
            print(describe(face))


def describe(face: edge.Face) -> str:
    """Where the face is, its apparent gender and age; a model set may lack either."""
    words = [f"{word:.0f}" for word in face.box]
    gender = f", {face.gender.label} ({face.gender.confidence:.0%})" if face.gender else ""
    age = ""
    if face.age:
        years = "age unknown" if face.age.bracket == "unknown" else f"{face.age.bracket} years"
        age = f", {years} ({face.age.confidence:.0%})"
    return f"face at {', '.join(words)} px{gender}{age}"


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except edge.PasserbyError as error:
        sys.exit(f"faces: {error}")
