"""Read the published tables: queries, exports, the status, and the report pages."""
