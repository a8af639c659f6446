"""Scripts that run in the isolated environments: the syntax of Python 3.7, and of the project only `framing`."""
