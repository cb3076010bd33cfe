"""`python -m flows` is the `ooo` command."""

from flows.cli import main

main()
