"""The settings of `passerby.toml`, where they are read, and opening hours."""
