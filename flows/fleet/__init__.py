"""Many organizations in one warehouse."""
