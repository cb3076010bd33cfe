"""The `ooo` command."""
