"""The docs name every command, exit code and content folder, and are generated where they can be."""

import json
import os
import re
from pathlib import Path

import click
import pytest

from holdfast.cli.program import _COMMANDS, program
from holdfast.errors import ExitCode
from holdfast.record.sample import EXCUSED, OUTCOMES
from holdfast.run.summary import summary_schema
from holdfast.slo.status import status_schema
from holdfast.workspace.starter import CONTENT_FOLDERS

ROOT = Path(__file__).resolve().parents[2]
WRITE = os.environ.get("HOLDFAST_GOLDEN") == "write"
PAGES = sorted([ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


def _golden(path: Path, text: str) -> None:
    if WRITE:
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"{path.name} is out of date: run `make golden`"


def _help_of(command: click.Command, name: str) -> str:
    context = click.Context(
        command, info_name=name, terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"]
    )
    command._help_option = None  # click keeps the one of whoever asked first, with that one's names
    text = f"## `{name}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group) and name != "holdfast":
        below = [(key, command.get_command(context, key)) for key in sorted(command.list_commands(context))]
        text += "".join("\n" + _help_of(sub, f"{name} {key}") for key, sub in below if sub is not None)
    return text


def test_golden_the_reference_of_commands_is_what_they_say_themselves() -> None:
    pages = ["# Commands\n\nWritten from the commands themselves by `make golden`.\n", _help_of(program, "holdfast")]
    for name in _COMMANDS:
        command = program.get_command(click.Context(program), name)
        assert command is not None
        pages.append(_help_of(command, f"holdfast {name}"))
    _golden(ROOT / "docs/reference/commands.md", "\n".join(pages))


def test_golden_the_published_schema_is_the_one_of_the_code() -> None:
    _golden(ROOT / "docs/reference/summary.schema.json", json.dumps(summary_schema(), indent=1) + "\n")


def test_golden_the_published_schema_of_slo_status_is_the_one_of_the_code() -> None:
    _golden(ROOT / "docs/reference/slo-status.schema.json", json.dumps(status_schema(), indent=1) + "\n")


def test_the_readme_names_every_command_exit_code_and_folder() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    everyday = {"run", "check", "load", "chaos", "report", "validate", "recover", "stack"}
    assert all(f"holdfast {name}" in text for name in everyday)
    assert all(f"| {int(code)} |" in text for code in ExitCode)
    assert all(f"`{folder}/`" in text for folder in CONTENT_FOLDERS)
    assert "make demo" in text
    assert "make test" in text


def test_the_run_folder_page_names_every_outcome() -> None:
    text = (ROOT / "docs/reference/run-folder.md").read_text(encoding="utf-8")
    assert all(f"`{outcome}`" in text for outcome in (*OUTCOMES, *EXCUSED))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_no_page_names_the_folder_it_was_written_in() -> None:
    for page in PAGES:
        assert str(ROOT) not in page.read_text(encoding="utf-8"), page


def test_the_adapter_of_the_guide_is_one_that_can_be_used(tmp_path: Path) -> None:
    from holdfast.kit.adapter import adapter_at

    guide = (ROOT / "docs/guides/your-own-stack.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
    path = tmp_path / "acme.py"
    path.write_text(code, encoding="utf-8")
    made = adapter_at(path)(client=None, inbox=None, clock=None, ledger=None)
    assert type(made).__name__ == "Acme"


@pytest.mark.parametrize(
    ("guide", "name", "folder"),
    [
        ("write-a-scenario", "look_in", "scenarios"),
        ("what-the-client-measures", "search_invoice", "scenarios"),
        ("write-a-journey", "open_sign_in", "synthetics"),
    ],
)
def test_the_python_of_a_guide_is_valid_content(tmp_path: Path, guide: str, name: str, folder: str) -> None:
    from holdfast.run.validation import validate
    from holdfast.workspace.starter import copy_starter
    from holdfast.workspace.workspace import find_workspace

    copy_starter(tmp_path / "w")
    text = (ROOT / f"docs/guides/{guide}.md").read_text(encoding="utf-8")
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)):
        if not number or folder == "scenarios":
            path = tmp_path / "w" / folder / (f"{name}_{number}.py" if number else f"{name}.py")
            path.write_text(block, encoding="utf-8")
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)):
        (tmp_path / "w" / "scenarios/profiles" / f"guide_{number}.yaml").write_text(block, encoding="utf-8")
    assert validate(find_workspace(tmp_path / "w")).problems == ()


def test_the_profiles_of_the_guide_on_shaping_a_load_are_valid(tmp_path: Path) -> None:
    from holdfast.workspace.starter import copy_starter
    from holdfast.workspace.workspace import find_workspace, load_profile

    copy_starter(tmp_path / "w")
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/guides/shape-a-load.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for number, block in enumerate(blocks):
        (tmp_path / "w/scenarios/profiles" / f"guide_{number}.yaml").write_text(block, encoding="utf-8")
        assert load_profile(find_workspace(tmp_path / "w"), f"guide_{number}")[2] == []


def test_the_yaml_of_the_other_guides_is_valid_content(tmp_path: Path) -> None:
    from holdfast.run.validation import validate
    from holdfast.workspace.starter import copy_starter
    from holdfast.workspace.workspace import find_workspace

    copy_starter(tmp_path / "w")
    for guide, place in {
        "run-in-ci": "plans/guide.yaml",
        "write-an-objective": "slo/guide.yaml",
        "size-a-stack": "capacity/guide.yaml",
        "trust-the-numbers": "scenarios/profiles/guide.yaml",
        "attack-safely": "scenarios/profiles/attack.yaml",
        "release-gate": "slo/guide_policy.yaml",
    }.items():
        text = (ROOT / f"docs/guides/{guide}.md").read_text(encoding="utf-8")
        block = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)[0]
        (tmp_path / "w" / place).write_text(block, encoding="utf-8")
    assert validate(find_workspace(tmp_path / "w")).problems == ()


def test_the_guide_to_trust_names_every_check_and_its_limits() -> None:
    from holdfast.load import limits
    from holdfast.load.health import check
    from holdfast.load.measured import Measured

    text = (ROOT / "docs/guides/trust-the-numbers.md").read_text(encoding="utf-8")
    together = {f"generator/{n}": {"machine": (1.0,), "cores": (2.0,)} for n in (1, 2)}
    nothing = Measured(
        None, together, {}, {}, {}, {}, {}, {}, 0.0, 0.0, {}, lost={"generator/1": ""}, untold=("generator/1",)
    )
    assert [found.name for found in check(nothing) if f"`{found.name}`" not in text] == []
    rows = {row.split("`")[1]: row for row in text.splitlines() if row.startswith("| `")}
    shares = {
        "cpu": limits.CPU,
        "machine_cpu": limits.CPU,
        "steal": limits.STEAL,
        "throttled": limits.THROTTLED,
        "descriptors": limits.DESCRIPTORS,
        "dropped": limits.DROPPED_SHARE,
        "accounts": limits.DROPPED_SHARE,
        "rate_limited": limits.RATE_LIMITED_SHARE,
        "unfinished": limits.UNFINISHED_SHARE,
    }
    for name, limit in shares.items():
        assert rows[name].endswith(f"| {limit.degraded * 100:g} % | {limit.invalid * 100:g} % |")
    for name, limit in {"lag": limits.LAG, "loop_delay": limits.LOOP_DELAY}.items():
        assert rows[name].endswith(f"| {limit.degraded * 1000:g} ms | {limit.invalid * 1000:g} ms |")
