"""Show the people who are out today, and the absent members of each team.

Usage: OOO_DATABASE=/srv/ooo/data/ooo.duckdb streamlit run app.py
"""

import os

import duckdb
import streamlit as st

# A new connection for each refresh reads the newest publication, also while another session has the old file open.
connection = duckdb.connect()
path = os.environ.get("OOO_DATABASE", "data/ooo.duckdb").replace("'", "''")
connection.execute(f"ATTACH '{path}' AS ooo (READ_ONLY); USE ooo")

st.title("Out of office")
snapshots = connection.sql("SELECT max(last_snapshot_at) FROM dim_organizations").fetchall()
st.caption(f"Data of {snapshots[0][0]:%Y-%m-%d %H:%M} UTC")

st.header("Out today")
st.dataframe(
    connection.sql(
        "SELECT organization, name, teams, reason_label, ends_on, back_on, covering_name"
        " FROM out_today ORDER BY organization, name"
    ).df()
)

st.header("Absent members of each team")
teams = connection.sql("SELECT DISTINCT team FROM team_members ORDER BY team").fetchall()
if teams:
    team = st.selectbox("Team", [name for (name,) in teams])
    days = connection.execute(
        "SELECT date_on, sum(people_absent) AS people_absent FROM team_days"
        " WHERE team = $team AND date_on BETWEEN current_date - 30 AND current_date + 60"
        " GROUP BY date_on ORDER BY date_on",
        {"team": team},
    ).df()
    st.bar_chart(days, x="date_on", y="people_absent")
else:
    st.info("No teams are published; set OOO_TEAMS=true and run ooo sync.")
connection.close()
