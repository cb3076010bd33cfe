"""Land: run folders, Parquet segments, page facts and verdicts, resume and hand-off; no database, no frame."""
