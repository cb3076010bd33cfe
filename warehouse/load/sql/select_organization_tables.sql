-- Purpose: return every table of the warehouse whose rows belong to an organization, except the list of erased people,
-- by which no later run stores these people again.
-- Grain: one table.
-- Second run: returns the same; the statement only reads.
SELECT concat(c.schema_name, '.', c.table_name) AS relation
FROM duckdb_columns() AS c
JOIN duckdb_tables() AS t USING (database_name, schema_name, table_name)
WHERE c.database_name = current_database()
  AND NOT t.temporary
  AND c.column_name = 'organization_id'
  AND c.table_name <> 'erased_people'
ORDER BY relation;
