"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edge.errors import printable

Verdict = Literal["pass", "warn", "fail"]


class Finding(Struct, frozen=True, kw_only=True):
    """One check: `warn` works but is not as it should be, `fail` does not work."""

    check: Annotated[str, Meta(description="Its name, such as `broker`; several findings may have the same.")]
    verdict: Verdict
    found: str
    do: Annotated[str, Meta(description="The one thing to do; empty when all is well.")] = ""


def good(check: str, found: str) -> Finding:
    """A finding that needs no action."""
    return Finding(check=check, verdict="pass", found=printable(found))


def doubtful(check: str, found: str, do: str) -> Finding:
    """Works, but."""
    return Finding(check=check, verdict="warn", found=printable(found), do=do)


def bad(check: str, found: str, do: str) -> Finding:
    """Does not work."""
    return Finding(check=check, verdict="fail", found=printable(found), do=do)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst verdict among them."""
    there = {finding.verdict for finding in findings}
    return "fail" if "fail" in there else "warn" if "warn" in there else "pass"
