"""Passerby: from a camera to anonymous visit events.

What stands in `__all__` is the face of the package: a program may import it and rely on it (docs/python.md). Each name
is imported from its home when it is first asked for, so that `import edge` loads nothing: neither service may load
what the other needs. The types of the same names stand in `__init__.pyi`.
"""

__version__ = "0.1.0"

_HOMES = {
    "open_model_set": "edge.workbench.analyze.face_networks",
    "FaceNetworks": "edge.workbench.analyze.face_networks",
    "Face": "edge.schemas.analyze",
    "Detection": "edge.sensor.types",
    "Box": "edge.sensor.geometry",
    "AttributeEstimate": "edge.sensor.types",
    "decode_event": "edge.schemas.decoding",
    "Visit": "edge.schemas.events",
    "Live": "edge.schemas.events",
    "Info": "edge.schemas.events",
    "Health": "edge.schemas.events",
    "Reply": "edge.schemas.events",
    "PasserbyError": "edge.errors",
    "BadInput": "edge.errors",
    "ConfigError": "edge.errors",
    "ModelNotFound": "edge.errors",
    "ManifestError": "edge.errors",
    "BackendUnavailable": "edge.errors",
    "InferenceError": "edge.errors",
}
"""Name -> the module that holds it."""

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    """Import a name of the face from its home. Raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    """The names of the face, loaded or not, and those that every module has."""
    return sorted({*globals(), *__all__})
