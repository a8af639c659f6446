"""Exit codes of the commands; those of errors are in `edge.errors`."""

CHECK_FAILED = 1
"""A check failed, or the sensor broke down in the middle of a clip."""
KEPT = 3
"""What could not be handed on in time: visits the publisher did not take, events the broker did not."""
FRESH_PROCESS = 75
"""The sensor wants a fresh process (EX_TEMPFAIL of sysexits.h): camera or accelerator lost, or paused."""
INTERRUPTED = 130
"""Ctrl-C."""
