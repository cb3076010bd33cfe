-- Purpose: count the changes of each snapshot, for the guards and the row of the run. `problem` is the most frequent
-- problem of the quarantined entries, or null.
-- Grain: one organization.
-- Second run: returns the same; the statement only reads.
SELECT
    n.organization_id,
    coalesce(s.accepted, 0) AS accepted,
    coalesce(r.quarantined, 0) AS quarantined,
    coalesce(c.inserted, 0) AS inserted,
    coalesce(c.updated, 0) AS updated,
    coalesce(s.accepted, 0) - coalesce(c.inserted, 0) - coalesce(c.updated, 0) AS unchanged,
    coalesce(c.notes_changed, 0) AS notes_changed,
    coalesce(c.deleted, 0) AS deleted,
    coalesce(e.live, 0) AS live,
    coalesce(p.people_left, 0) AS people_left,
    coalesce(p.people, 0) AS people,
    r.problem
FROM staged_snapshots AS n
LEFT JOIN (
    SELECT organization_id, count(*) AS accepted FROM staged_entries GROUP BY organization_id
) AS s ON s.organization_id = n.organization_id
LEFT JOIN (
    SELECT organization_id, count(*) AS quarantined, mode(problem) AS problem FROM staged_rejects
    WHERE record_kind = 'entry'
    GROUP BY organization_id
) AS r ON r.organization_id = n.organization_id
LEFT JOIN (
    SELECT
        organization_id,
        count(*) FILTER (change = 'appeared') AS inserted,
        count(*) FILTER (change IN ('changed', 'reinterpreted', 'returned')) AS updated,
        count(*) FILTER (change = 'note_changed') AS notes_changed,
        count(*) FILTER (change = 'vanished') AS deleted
    FROM entry_changes
    GROUP BY organization_id
) AS c ON c.organization_id = n.organization_id
LEFT JOIN (
    SELECT organization_id, count(*) AS live FROM core.ooo_entries
    WHERE deleted_at IS NULL
    GROUP BY organization_id
) AS e ON e.organization_id = n.organization_id
LEFT JOIN (
    SELECT m.organization_id, count(*) AS people, count(a.user_id) AS people_left
    FROM core.people AS m
    LEFT JOIN absent_people AS a ON a.organization_id = m.organization_id AND a.user_id = m.user_id
    WHERE m.left_at IS NULL
    GROUP BY m.organization_id
) AS p ON p.organization_id = n.organization_id;
