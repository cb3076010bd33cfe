-- Purpose: return the state that earlier runs left for the organization: its size, its latest snapshot, its erased
-- people, the people with live entries and its API host.
-- Grain: one row; the instant and the host are null before the first snapshot.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads.
SELECT
    (SELECT count(*) FROM core.people WHERE organization_id = $organization_id AND left_at IS NULL) AS people,
    (SELECT count(*) FROM core.ooo_entries WHERE organization_id = $organization_id AND deleted_at IS NULL) AS entries,
    (SELECT observed_at FROM ops.latest_snapshots WHERE organization_id = $organization_id) AS observed_at,
    (SELECT coalesce(list(user_id), []) FROM ops.erased_people WHERE organization_id = $organization_id) AS erased,
    (
        SELECT coalesce(list(DISTINCT user_id), []) FROM core.ooo_entries
        WHERE organization_id = $organization_id AND deleted_at IS NULL
    ) AS people_with_entries,
    (SELECT api_url FROM core.organizations WHERE organization_id = $organization_id) AS api_url;
