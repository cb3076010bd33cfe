"""Write the results of the benchmark as tables into `docs/performance.md` and as a chart beside it."""

import os
import platform
import re
import statistics
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

TITLES = {
    "one_entry": "one entry: the fixed cost",
    "1000_users": "1,000 users",
    "1000_users_50_ms": "1,000 users, each response delayed by 50 ms",
    "10000_users": "10,000 users",
    "million": "36,000 users",
    "limited": "1,000 users at 120 requests per minute, on a clock that runs 5 times faster",
}
CHARTED = "10000_users"
LIMIT_PER_MINUTE = 120
SPEED = 5.0
"""The factor by which the minutes of the rate limit are shortened."""
_BAR, _LEFT, _WIDTH = 22, 190, 720
Results = dict[str, dict[str, Any]]
"""For each scenario: `measured`, the date and the machine, and `contenders`, the figures of each contender."""


def write_report(results: Results, docs: Path) -> None:
    """Replace the results in `docs/performance.md` and the chart; the text around the results stays."""
    document = docs / "performance.md"
    table = "\n".join([*_result_rows(results), "", *_ratio_rows(results)])
    marked = re.compile(r"(<!-- results -->\n).*(<!-- end of results -->)", re.DOTALL)
    text = document.read_text(encoding="utf-8")
    document.write_text(marked.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text), encoding="utf-8")
    if CHARTED in results:
        chart = _draw_chart(results[CHARTED]["contenders"])
        (docs / "performance.svg").write_text(chart, encoding="utf-8")


def describe_machine() -> str:
    """Return today's date, the facts of this machine, and the version of the project."""
    facts = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", facts.read_text(encoding="utf-8")) if facts.exists() else []
    model = models[0] if models else platform.machine()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs ({model}), {platform.system()},"
        f" Python {platform.python_version()}, version {version('calcom-ooo-warehouse')}"
    )


def _result_rows(results: Results) -> list[str]:
    lines = [
        "| | wall time (fastest and slowest round) | CPU time | peak memory | requests |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, title in TITLES.items():
        if name not in results:
            continue
        measured = results[name]["contenders"]
        entries, when = measured[0]["entries"], results[name]["measured"]
        lines.append(f"| **{title}** ({entries:,} entries; {when}) | | | | |")
        lines += [
            f"| {_label(figures['contender'])} | {figures['wall_seconds']:.2f} s{_spread(figures)} |"
            f" {figures['cpu_seconds']:.2f} s | {figures['peak_mb']:.0f} MB | {figures['requests']:,} |"
            for figures in measured
        ]
    limited = results.get("limited", {"contenders": []})["contenders"]
    return lines + [_limited_row(figures) for figures in limited]


def _spread(figures: dict[str, Any]) -> str:
    """Return the fastest and the slowest round in brackets; nothing for a single round."""
    rounds = figures.get("wall_rounds") or []
    return f" ({min(rounds):.2f} to {max(rounds):.2f})" if len(rounds) > 1 else ""


def _ratio(figures: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the median of the ratios round by round; the ratio of the medians if the rounds are not stored."""
    pairs = list(zip(figures.get("wall_rounds") or [], other.get("wall_rounds") or [], strict=False))
    if not pairs:
        return float(figures["wall_seconds"] / other["wall_seconds"])
    return statistics.median(own / others for own, others in pairs)


def _ratio_rows(results: Results) -> list[str]:
    """Return the rows that compare each sync with dlt, with the bare script and with its first run."""
    lines = [
        "| | share of dlt's wall time | share of dlt's memory | wall time relative to the bare script"
        " | wall time relative to the first run |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, title in TITLES.items():
        contenders = results[name]["contenders"] if name in results else []
        measured = {figures["contender"]: figures for figures in contenders}
        for contender, figures in measured.items():
            bare = measured.get("bare httpx, per user" if contender == "per-user" else "bare httpx, org-wide")
            if not _is_own(contender) or bare is None:
                continue
            dlt, first = measured.get("dlt"), measured.get(contender.partition(",")[0])
            of_dlt = ["", ""]
            if dlt:
                of_dlt = [f"1/{_ratio(dlt, figures):.1f}", f"1/{dlt['peak_mb'] / figures['peak_mb']:.1f}"]
            of_bare = f"{_ratio(figures, bare):.2f} ×"
            of_first = ""
            if first is not None and first is not figures:
                of_first = f"{_ratio(figures, first):.2f} ×"
            row = [f"{title.partition(':')[0]}: {_label(contender)}", *of_dlt, of_bare, of_first]
            lines.append(f"| {' | '.join(row)} |")
    return lines


def _limited_row(figures: dict[str, Any]) -> str:
    """Return the row that compares the extraction time with the time that the limit alone needs."""
    taken, least = figures["reading_seconds"] * SPEED, figures["requests"] / LIMIT_PER_MINUTE * 60
    return (
        "| extraction time without the speed-up, and the time that the limit alone needs"
        f" | {taken:.0f} s of {least:.0f} s | | | |"
    )


def _label(contender: str) -> str:
    return f"`ooo sync` {contender}" if _is_own(contender) else contender


def _is_own(contender: str) -> bool:
    return not contender.startswith(("bare", "dlt", "PyAirbyte"))


def _draw_chart(measured: list[dict[str, Any]]) -> str:
    """Return an SVG with one bar per contender, as long as its wall time."""
    longest = max(figures["wall_seconds"] for figures in measured)
    height = _BAR * len(measured) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        ' font-family="sans-serif" font-size="12" fill="#57606a">'
        "<title>Wall time of a sync of 10,000 users, by contender</title>"
    ]
    for row, figures in enumerate(measured):
        top, length = row * _BAR + 5, (_WIDTH - _LEFT - 70) * figures["wall_seconds"] / longest
        colour = "#0969da" if _is_own(figures["contender"]) else "#8c959f"
        name = _label(figures["contender"]).replace("`", "")
        parts.append(
            f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{name}</text>'
            f'<rect x="{_LEFT}" y="{top}" width="{length:.1f}" height="{_BAR - 5}" rx="2" fill="{colour}"/>'
            f'<text x="{_LEFT + length + 6:.1f}" y="{top + 13}">{figures["wall_seconds"]:.1f} s</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
