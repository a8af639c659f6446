"""Where things lie, for every test: the repository and the networks that the project carries."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
