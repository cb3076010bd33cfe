"""Run the code of the BI guide on a publication."""

import re
from pathlib import Path

import polars as pl
import pytest

from tests.support.program import run_ooo

GUIDE = Path(__file__).parents[2] / "docs" / "bi-guide.md"


@pytest.mark.slow
def test_the_code_for_one_generation_reads_tables_that_match(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = run_ooo("demo", "--quiet", "--people", "5", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    monkeypatch.chdir(tmp_path / "data")
    Path("data").symlink_to("demo")
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert blocks
    names: dict[str, pl.DataFrame] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)  # noqa: S102 - the code of the guide
    assert not names["entries"].is_empty()
    assert names["entries"].join(names["people"], on=["organization_id", "user_id"], how="anti").is_empty()
