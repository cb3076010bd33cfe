"""The warehouse: load, publish and read, with DuckDB and Parquet; without API, environment or Prefect."""
