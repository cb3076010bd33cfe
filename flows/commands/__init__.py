"""The commands of `ooo`, a module a theme. Each is imported when one of its commands is called."""
