-- Purpose: Return the Bradford factor of each person over the twelve months that end with each month whose last day is
--   between from_date and to_date, both inclusive.
-- Grain: one person who has not left, and one month (as its first day), with a sick working day in the twelve months.
-- Formula: S × S × D, as in bradford_factor, from window_from_on to window_to_on. window_to_on is the last day of the
--   month. S = the number of sick spells (see absence_spells) with a working day in the window. D = the number of
--   working days in the window with a sick entry. A spell that began before the window counts once, with its days in
--   the window.
-- Source: the Bradford factor over a rolling period of 52 weeks, attributed to the Bradford University School of
--   Management, as described by Acas (Managing attendance and employee turnover) and CIPD (Absence measurement).
-- Caveats: A month that ends after the date of the last snapshot of the organization has no row. Consecutive windows
--   share eleven months, so one spell raises the factor twelve times. The dates must be from 1970 to 2099. The caveats
--   of bradford_factor apply: chronic illness, disability and pregnancy lead to high scores.
-- Switch: OOO_BRADFORD
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO rolling_bradford_factor(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE > to_date::DATE
                THEN error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
                WHEN from_date::DATE < '1970-01-01'::DATE OR to_date::DATE > '2099-12-31'::DATE
                THEN error(concat(
                    'expected dates from 1970-01-01 to 2099-12-31, found ', from_date::DATE, ' and ', to_date::DATE
                ))
                ELSE from_date::DATE
            END AS first_on
    )
),
windows AS MATERIALIZED (
    SELECT
        date_trunc('month', date_on)::DATE AS month_on,
        (date_trunc('month', date_on) - INTERVAL 11 MONTH)::DATE AS window_from_on,
        date_on AS window_to_on
    FROM (SELECT unnest(generate_series(first_on, last_on, INTERVAL 1 DAY))::DATE AS date_on FROM asked)
    WHERE date_on = last_day(date_on)
)
SELECT
    d.organization_id, d.user_id, p.name, w.month_on, w.window_from_on, w.window_to_on,
    count(DISTINCT s.starts_on) AS sick_spells,
    count(DISTINCT d.date_on) AS sick_working_days,
    count(DISTINCT s.starts_on) * count(DISTINCT s.starts_on) * count(DISTINCT d.date_on) AS bradford_factor
FROM windows AS w
JOIN fct_entry_days AS d ON d.date_on BETWEEN w.window_from_on AND w.window_to_on
JOIN absence_spells((from_date::DATE - INTERVAL 12 MONTH)::DATE, to_date) AS s
    ON s.organization_id = d.organization_id AND s.user_id = d.user_id AND s.reason = d.reason
    AND d.date_on BETWEEN s.starts_on AND s.ends_on
JOIN dim_people AS p ON p.organization_id = d.organization_id AND p.user_id = d.user_id AND p.left_at IS NULL
JOIN dim_organizations AS o ON o.organization_id = d.organization_id AND w.window_to_on <= o.last_snapshot_at::DATE
WHERE d.reason = 'sick'
  AND d.is_working_day
GROUP BY d.organization_id, d.user_id, p.name, w.month_on, w.window_from_on, w.window_to_on
ORDER BY d.organization_id, w.month_on, bradford_factor DESC, d.user_id;
