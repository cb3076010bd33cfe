"""Publish: the readers' database, generations of Parquet files, publish targets and retention."""
