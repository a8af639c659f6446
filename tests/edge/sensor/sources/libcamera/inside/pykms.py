"""Stands in for the display library that picamera2 imports; nothing is shown."""


class _Words(type):
    def __getattr__(cls, name: str) -> str:
        return name


class PixelFormat(metaclass=_Words):
    pass


class Card:
    pass
