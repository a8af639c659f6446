"""Scripts that run in the isolated environments: written for Python 3.7; of the project they import only `framing`."""
