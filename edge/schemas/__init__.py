"""The contracts that others depend on, as types; `edge/schemas/json/` holds the same as JSON Schema with examples."""
