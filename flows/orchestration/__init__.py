"""Prefect glue: tasks, states, artifacts and blocks."""
