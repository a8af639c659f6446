"""What the targets refuse."""

from __future__ import annotations

from edge.errors import PasserbyError


class TargetRefused(PasserbyError, ValueError):
    """A network cannot be made into an artefact of this target, or what was made is not what it must be."""
