def analyze() -> None:
    """Soon."""
