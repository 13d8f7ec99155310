"""The guide on choosing alerts says what its commands say."""

import re
from pathlib import Path

import pytest

from holdfast.cli.program import invoke

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/choose-alerts.md"
_ELLIPSIS = "…\n"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


def _plain(text: str) -> str:
    """Without what a page cannot show: narrow spaces, and spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.replace("\u202f", " ").rstrip().splitlines())


@pytest.mark.parametrize("block", _blocks("console"))
def test_the_commands_of_the_guide_say_what_it_says(block, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (made,), (objective,) = _blocks("python"), _blocks("yaml")
    exec(compile(made, "guide", "exec"), {})  # noqa: S102 - the guide's own
    (tmp_path / "objective.yaml").write_text(objective, encoding="utf-8")
    command, _, expected = block.partition("\n")
    assert invoke(command.removeprefix("$ holdfast ").split()) == 0
    said = _plain(capsys.readouterr().out)
    if expected.startswith(_ELLIPSIS):  # the page leaves out what it has shown above
        assert said.endswith(_plain(expected.removeprefix(_ELLIPSIS)))
    else:
        assert said == _plain(expected)
