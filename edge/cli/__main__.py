"""`python -m edge.cli`: how the supervisor starts its children."""

from edge.cli.app import main

main()
