"""Exit codes of the commands that do not come from an error (`PasserbyError.exit_code` has those)."""

CHECK_FAILED = 1
"""A check failed, or the sensor broke down in the middle of a clip."""
KEPT = 3
"""What could not be handed on in time: visits the publisher did not take, events the broker did not."""
FRESH_PROCESS = 75
"""The sensor asks its supervisor for a fresh process (EX_TEMPFAIL of sysexits.h): camera lost, or resumed."""
INTERRUPTED = 130
"""Ctrl-C."""
