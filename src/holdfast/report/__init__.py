"""What a run found, written for people and for CI: report.html, junit.xml, report.md, and the terminal.

Every reporter renders a `Summary` and computes nothing of its own; `summary.json` beside them is written by the run.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from holdfast.private import write_whole
from holdfast.run.summary import Summary

FILES: Final = {"html": "report.html", "junit": "junit.xml", "markdown": "report.md"}


def write_reports(summary: Summary, folder: Path) -> list[Path]:
    """Every report into the run folder, each whole or not at all. OSError when the folder cannot be written."""
    written = []
    for name, render in reporters().items():
        path = folder / FILES[name]
        write_whole(path, render(summary))
        written.append(path)
    return written


def reporters() -> dict[str, Callable[[Summary], str]]:
    """By name: a summary in, the file's text out."""
    from holdfast.report import html, junit, markdown

    return {"html": html.render, "junit": junit.render, "markdown": markdown.render}
