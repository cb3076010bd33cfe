"""Land: run folders, Parquet segments, page facts and verdicts, resume and hand-off; without databases or frames."""
