"""Read: freshness, status and report facts from what is published."""
