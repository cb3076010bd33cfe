-- Purpose: list the columns of instants that runs write: all of them but the instants that came from Cal.com.
-- Grain: one column.
-- Second run: returns the same; the statement only reads.
SELECT concat(c.schema_name, '.', c.table_name) AS relation, c.column_name
FROM duckdb_columns() AS c
JOIN duckdb_tables() AS t USING (database_name, schema_name, table_name)
WHERE c.database_name = current_database()
  AND c.schema_name IN ('core', 'ops')
  AND c.data_type = 'TIMESTAMP'
  AND c.column_name NOT IN ('created_at', 'starts_at_raw', 'ends_at_raw')
ORDER BY relation, c.column_name;
