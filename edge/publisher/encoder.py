"""Events to JSON, each checked against its own contract before it is stored or sent.

msgspec checks what it decodes, not what is constructed, so what was encoded is decoded again: some microseconds.
"""

from __future__ import annotations

import logging

import msgspec

_log = logging.getLogger(__name__)


class EventEncoder:
    """Encodes events; one that does not fit its contract is counted and does not leave this object."""

    def __init__(self) -> None:
        self.unfit = 0
        """Events that did not fit, since the start."""
        self._decoders: dict[type[msgspec.Struct], msgspec.json.Decoder[msgspec.Struct]] = {}
        self._named: set[str] = set()

    def encode(self, event: msgspec.Struct) -> bytes | None:
        """The payload of an event of `edge.schemas.events`; None where it does not fit, which is logged once a kind."""
        payload = msgspec.json.encode(event)
        try:
            self._decoder(type(event)).decode(payload)
        except msgspec.ValidationError as error:
            self._refuse(type(event).__name__.lower(), error)
            return None
        return payload

    def _decoder(self, kind: type[msgspec.Struct]) -> msgspec.json.Decoder[msgspec.Struct]:
        if kind not in self._decoders:
            self._decoders[kind] = msgspec.json.Decoder(kind)
        return self._decoders[kind]

    def _refuse(self, kind: str, error: msgspec.ValidationError) -> None:
        self.unfit += 1
        if kind not in self._named:  # the place only: the rest of the message may quote the content
            self._named.add(kind)
            place = str(error).rpartition(" - at ")[2] if " - at " in str(error) else "`$`"
            _log.error("%s: an event does not fit its contract at %s and is not sent; please report this", kind, place)
