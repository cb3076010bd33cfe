"""The `ooo` command: `main` has the group, and the modules `…_commands` have the commands."""
