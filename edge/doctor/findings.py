"""What a check found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

Verdict = Literal["pass", "warn", "fail"]


class Finding(Struct, frozen=True, kw_only=True):
    """One check: `warn` works but is not as it should be, `fail` does not work."""

    check: Annotated[str, Meta(description="Its name, such as `broker`; several findings may have the same.")]
    verdict: Verdict
    found: str
    do: Annotated[str, Meta(description="The one thing to do; empty when all is well.")] = ""


def good(check: str, found: str) -> Finding:
    """A finding that needs no action."""
    return Finding(check=check, verdict="pass", found=_printable(found))


def doubtful(check: str, found: str, do: str) -> Finding:
    """Works, but."""
    return Finding(check=check, verdict="warn", found=_printable(found), do=do)


def bad(check: str, found: str, do: str) -> Finding:
    """Does not work."""
    return Finding(check=check, verdict="fail", found=_printable(found), do=do)


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst verdict among them."""
    there = {finding.verdict for finding in findings}
    return "fail" if "fail" in there else "warn" if "warn" in there else "pass"


def _printable(found: str) -> str:
    """With bytes of a file's name that are not UTF-8 escaped, so that it can be written anywhere."""
    return found.encode("utf-8", "backslashreplace").decode()
