"""Contracts as subscribers get them: what we send is checked strictly, but a subscriber must take what comes later."""

from __future__ import annotations

from typing import Any

OTHERS_MAY_COME = "Other words may come: take one that you do not know as unknown, do not drop the message."


def published(schema: Any) -> Any:
    """A JSON Schema whose objects may have other keys, and whose sets that `vocabulary.OPEN` marks other words."""
    if isinstance(schema, list):
        return [published(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: published(value) for key, value in schema.items() if key != "additionalProperties" or value}
    return _opened(kept) if kept.pop("x-open", False) else kept


def _opened(words: dict[str, Any]) -> dict[str, Any]:
    """A set of words, or a pattern of them, as any string."""
    described = " ".join(text for text in (words.get("description"), OTHERS_MAY_COME) if text)
    examples = {"examples": words["enum"]} if "enum" in words else {}
    return {"description": described, "type": "string", **examples}
