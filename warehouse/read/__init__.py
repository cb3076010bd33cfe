"""Read: freshness, status and the facts of the report from the published tables."""
