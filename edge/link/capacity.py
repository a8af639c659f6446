"""The most that a hostile sensor could send through the link, counted from the message types.

The count takes every value of every field as equally free, session numbers, counters and times included, so it is
an upper bound for any code inside the sensor, however it was replaced. It is not what the link is for: an honest
sensor sends far less. What the count leaves out is the moment at which a message is sent.
"""

from __future__ import annotations

import math
from typing import Any, get_args

from msgspec import inspect

from edge.schemas.link import MESSAGES_PER_S, SensorMessage


def distinct_values(spec: inspect.Type) -> int:
    """How many different values a field can hold. Raises TypeError for a type without bounds, such as a string."""
    match spec:
        case inspect.IntType(ge=int(low), le=int(high)):
            return high - low + 1
        case inspect.BoolType():
            return 2
        case inspect.LiteralType(values=values):
            return len(values)
        case inspect.TupleType(item_types=items):
            return math.prod(distinct_values(item) for item in items)
        case inspect.StructType(fields=fields):
            return math.prod(distinct_values(field.type) for field in fields)
        case inspect.Metadata(type=inner):
            return distinct_values(inner)
        case _:
            raise TypeError(f"{spec}: has no bounds, so the link would have none")


def bits_of(message: type[Any]) -> float:
    """Bits of one message of a kind, for instance `VisitMessage`."""
    return math.log2(distinct_values(inspect.type_info(message)))


def bits_per_message() -> float:
    """Bits of one message of any kind that the sensor may send: the choice of the kind counts too."""
    return math.log2(sum(distinct_values(inspect.type_info(kind)) for kind in get_args(SensorMessage)))


def bits_per_s() -> float:
    """Bits a second through the token bucket, sustained."""
    return bits_per_message() * MESSAGES_PER_S


def seconds_for(size_bytes: int) -> float:
    """Least time to smuggle this many bytes out, once the burst of a full bucket is used up."""
    burst_bits = bits_per_message() * MESSAGES_PER_S
    return max(0.0, (size_bytes * 8 - burst_bits) / bits_per_s())
