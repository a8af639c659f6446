"""`python -m edge.cli`: how the supervisor starts its children."""

from edge.cli import main

main()
