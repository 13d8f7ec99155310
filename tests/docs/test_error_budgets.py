"""The guide to error budgets: its files are read, its command prints what it shows."""

import os
import re
from pathlib import Path

from holdfast.cli.program import invoke

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "error-budgets.md"
END = 1_769_644_800  # 2026-01-29 00:00 UTC


def _history() -> str:
    """28 days of a thousand events an hour: a trickle of failures, an outage in the third week, a bad last hour."""
    rows = ["time,good,total"]
    for hour in range(28 * 24):
        bad = 400 if hour in (400, 401) else 15 if hour == 28 * 24 - 1 else hour % 3
        bad += 300 if hour == 74 else 0  # while the partner closes, on Sunday 4 January
        rows.append(f"{END - 3600 * (28 * 24 - hour)},{1000 - bad},1000")
    return "\n".join(rows) + "\n"


def test_golden_the_commands_of_the_guide_print_what_it_shows(tmp_path, monkeypatch, capsys):
    text = GUIDE.read_text(encoding="utf-8")
    (tmp_path / "slo").mkdir()
    for block in re.findall(r"```yaml\n# slo/(.*?)```", text, flags=re.DOTALL):
        name, _, content = block.partition("\n")
        (tmp_path / "slo" / name).write_text(content, encoding="utf-8")
    (tmp_path / "history.csv").write_text(_history(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    ((command, shown),) = re.findall(r"```console\n\$ holdfast (.*?)\n(.*?)```", text, flags=re.DOTALL)
    code = invoke(tuple(command.split()))
    printed = capsys.readouterr().out.replace("\u202f", " ")

    if os.environ.get("HOLDFAST_GOLDEN") == "write":
        GUIDE.write_text(text.replace(shown, printed), encoding="utf-8")
        shown = printed
    assert code == 0
    assert printed == shown
