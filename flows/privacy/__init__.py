"""Erasure of a person, purges of files, and maintenance."""
