-- Purpose: return every column of the warehouse's tables that holds user ids. Views take theirs from these tables.
-- Grain: one column.
-- Second run: returns the same; the statement only reads.
SELECT concat(c.schema_name, '.', c.table_name) AS relation, c.column_name
FROM duckdb_columns() AS c
JOIN duckdb_tables() AS t USING (database_name, schema_name, table_name)
WHERE c.database_name = current_database()
  AND (c.column_name = 'user_id' OR c.column_name LIKE '%\_user\_id' ESCAPE '\')
  AND c.table_name <> 'erased_people'
ORDER BY relation, c.column_name;
