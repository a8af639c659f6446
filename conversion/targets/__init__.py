"""Artefacts whose converters or checkers live in environments of their own: TFLite, the Edge TPU, the Myriad X."""
