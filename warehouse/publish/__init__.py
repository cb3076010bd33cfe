"""Publish: the published database, generations of Parquet files, publish targets and retention."""
