"""Orchestrate: the only package that uses Prefect, the environment and the terminal."""
