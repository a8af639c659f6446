"""The part that sees: camera, networks, tracks and visits behind a lock. It has no IP socket and writes no file."""
