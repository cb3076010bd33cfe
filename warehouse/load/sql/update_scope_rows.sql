-- Purpose: store the number of distinct rows of each scope, and a checksum of its set of ids that does not depend on
-- their order. The multiplication spreads neighbouring ids over all bits; unlike hash(), it is the same in every
-- DuckDB version.
-- Grain: one scope.
-- Second run: sets the same values.
WITH seen AS (
    SELECT organization_id, 'entry' AS record_kind, entry_id AS record_id, user_id, NULL AS team_id
    FROM staged_entries
    UNION ALL SELECT organization_id, 'user', user_id, NULL, NULL FROM staged_people
    UNION ALL SELECT organization_id, 'team', team_id, NULL, NULL FROM staged_teams
    UNION ALL SELECT organization_id, 'membership', membership_id, NULL, team_id FROM staged_team_members
    UNION ALL
    SELECT
        organization_id, record_kind, record_id, CASE record_kind WHEN 'entry' THEN user_id END,
        CASE record_kind WHEN 'membership' THEN team_id END
    FROM staged_rejects
),
scopes AS (
    SELECT
        organization_id,
        CASE record_kind
            WHEN 'entry' THEN CASE WHEN GROUPING(user_id) = 0 THEN 'user' ELSE 'organization' END
            WHEN 'membership' THEN 'team'
            ELSE record_kind || 's'
        END AS scope_kind,
        CASE WHEN GROUPING(user_id) = 0 THEN user_id END AS user_id,
        CASE WHEN GROUPING(team_id) = 0 THEN team_id END AS team_id,
        count(*) AS rows,
        bit_xor(record_id::HUGEINT * 6364136223846793005) AS id_checksum
    FROM seen
    GROUP BY GROUPING SETS (
        (organization_id, record_kind), (organization_id, record_kind, user_id), (organization_id, record_kind, team_id)
    )
    HAVING CASE record_kind
        WHEN 'entry' THEN GROUPING(team_id) = 1
        WHEN 'membership' THEN GROUPING(team_id) = 0
        ELSE GROUPING(user_id) = 1 AND GROUPING(team_id) = 1
    END
)
UPDATE ops.scopes AS o
SET rows = coalesce(s.rows, 0), id_checksum = s.id_checksum::VARCHAR
FROM (
    FROM ops.scopes AS expected
    JOIN staged_snapshots AS n ON n.run_id = expected.run_id
    LEFT JOIN scopes
        ON scopes.organization_id = expected.organization_id
        AND scopes.scope_kind = expected.scope_kind
        AND scopes.user_id IS NOT DISTINCT FROM expected.user_id
        AND scopes.team_id IS NOT DISTINCT FROM expected.team_id
    SELECT expected.run_id, expected.scope_kind, expected.user_id, expected.team_id, scopes.rows, scopes.id_checksum
) AS s
WHERE o.run_id = s.run_id AND o.scope_kind = s.scope_kind
  AND o.user_id IS NOT DISTINCT FROM s.user_id AND o.team_id IS NOT DISTINCT FROM s.team_id;
