-- Purpose: store the memberships that were read.
-- Grain: one person in one team.
-- Second run: sets the same values.
MERGE INTO core.team_members AS c
USING (
    SELECT m.* EXCLUDE (page), n.observed_at
    FROM staged_team_members AS m
    JOIN staged_snapshots AS n ON n.organization_id = m.organization_id
    -- A person who left and returned during the reading has two memberships; ids ascend in time.
    QUALIFY row_number() OVER (PARTITION BY m.organization_id, m.team_id, m.user_id ORDER BY m.membership_id DESC) = 1
) AS s
ON c.organization_id = s.organization_id AND c.team_id = s.team_id AND c.user_id = s.user_id
WHEN MATCHED THEN UPDATE SET
    membership_id = s.membership_id, role = s.role, is_accepted = s.is_accepted,
    last_seen_at = s.observed_at, left_at = NULL
WHEN NOT MATCHED THEN INSERT
    (organization_id, team_id, user_id, membership_id, role, is_accepted, first_seen_at, last_seen_at)
    VALUES (s.organization_id, s.team_id, s.user_id, s.membership_id, s.role, s.is_accepted, s.observed_at,
        s.observed_at);
