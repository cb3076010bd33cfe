"""The benchmark's results as a table in `docs/performance.md` and a picture beside it."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TITLES = {
    "one_entry": "one entry: the fixed cost",
    "1000_users": "1,000 users",
    "1000_users_50_ms": "1,000 users, every answer after 50 ms",
    "10000_users": "10,000 users",
    "million": "36,000 users",
    "limited": "1,000 users at 120 requests a minute, on a clock 5 times as fast",
}
PICTURED = "10000_users"
LIMIT_A_MINUTE = 120
SPEED = 5.0
"""How much faster than ours the limit's minutes pass."""
_BAR, _LEFT, _WIDTH = 22, 190, 720
Results = dict[str, list[dict[str, Any]]]


def write_report(results: Results, docs: Path) -> None:
    """The document's results are those given; its words around them stay."""
    document = docs / "performance.md"
    table = "\n".join([*_lines(results), "", *_ratios(results)])
    marked = re.compile(r"(<!-- results -->\n).*(<!-- end of results -->)", re.DOTALL)
    text = document.read_text(encoding="utf-8")
    document.write_text(marked.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text), encoding="utf-8")
    if PICTURED in results:
        (docs / "performance.svg").write_text(_picture(results[PICTURED]), encoding="utf-8")


def _lines(results: Results) -> list[str]:
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} with {os.cpu_count()} CPUs ({platform.machine()}),"
        f" {platform.system()}, Python {platform.python_version()}.",
        "",
        "| | wall | CPU | peak memory | requests |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, title in TITLES.items():
        measured = results.get(name, [])
        if measured:
            lines.append(f"| **{title}** ({measured[0]['entries']:,} entries) | | | | |")
        lines += [
            f"| {_label(one['contender'])} | {one['wall_seconds']:.2f} s | {one['cpu_seconds']:.2f} s |"
            f" {one['peak_mb']:.0f} MB | {one['requests']:,} |"
            for one in measured
        ]
    return lines + [_limited(one) for one in results.get("limited", [])]


def _ratios(results: Results) -> list[str]:
    """What each sync took of what others took of the same work in the same run."""
    lines = [
        "| | of dlt's wall | of dlt's memory | of the bare script's wall | of the first run's wall |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, title in TITLES.items():
        measured = {one["contender"]: one for one in results.get(name, [])}
        for contender, one in measured.items():
            bare = measured.get("bare httpx, per user" if contender == "per-user" else "bare httpx, org-wide")
            if contender.startswith(("bare", "dlt")) or bare is None:
                continue
            dlt, first = measured.get("dlt"), measured.get(contender.partition(",")[0])
            of_dlt = ["", ""]
            if dlt:
                of_dlt = [f"1/{dlt[key] / one[key]:.1f}" for key in ("wall_seconds", "peak_mb")]
            of_bare = f"{one['wall_seconds'] / bare['wall_seconds']:.2f} ×"
            of_first = (
                f"{one['wall_seconds'] / first['wall_seconds']:.2f} ×" if first not in (None, one) else ""
            )
            row = [f"{title.partition(':')[0]}: {_label(contender)}", *of_dlt, of_bare, of_first]
            lines.append(f"| {' | '.join(row)} |")
    return lines


def _limited(one: dict[str, Any]) -> str:
    """The last row: reading under the limit against what the limit alone would take."""
    taken, least = one["reading_seconds"] * SPEED, one["requests"] / LIMIT_A_MINUTE * 60
    return f"| … of it reading, in the limit's own time | {taken:.0f} s of {least:.0f} s | | | |"


def _label(contender: str) -> str:
    return contender if contender.startswith(("bare", "dlt")) else f"`ooo sync` {contender}"


def _picture(measured: list[dict[str, Any]]) -> str:
    """A bar a contender, as long as its wall time."""
    longest = max(one["wall_seconds"] for one in measured)
    height = _BAR * len(measured) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        ' font-family="sans-serif" font-size="12" fill="#57606a">'
        "<title>Wall time of a sync of 10,000 users, by contender</title>"
    ]
    for row, one in enumerate(measured):
        top, length = row * _BAR + 5, (_WIDTH - _LEFT - 70) * one["wall_seconds"] / longest
        colour = "#8c959f" if one["contender"].startswith(("bare", "dlt")) else "#0969da"
        name = _label(one["contender"]).replace("`", "")
        parts.append(
            f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{name}</text>'
            f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR - 5}" rx="2" fill="{colour}"/>'
            f'<text x="{_LEFT + length + 6:.1f}" y="{top + 13}">{one["wall_seconds"]:.1f} s</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
