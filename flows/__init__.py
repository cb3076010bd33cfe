"""Orchestrate: the only place that knows Prefect, the environment and the terminal."""
