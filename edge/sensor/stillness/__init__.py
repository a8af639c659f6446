"""Faces that never move: printed ones, mannequins, still screens."""
