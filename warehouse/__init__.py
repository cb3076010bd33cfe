"""Load: knows DuckDB and Parquet; knows no API, no environment, no Prefect."""
