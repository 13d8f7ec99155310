"""The terminal, or the file it was turned into."""

import io
import os
from typing import IO, Final

from rich.console import Console
from rich.text import Text

from holdfast.digits import whole
from holdfast.report.figures import printable, words
from holdfast.report.verdicts import MARKS, Tone, tone

STYLES: Final[dict[Tone, str]] = {
    "good": "green", "bad": "red", "unclear": "yellow", "void": "magenta", "neutral": "",
}  # fmt: skip
_WIDEST: Final = 100_000
_FILE_COLUMNS: Final = 160
"""Where there is no window: wide enough that a path or a sentence stays on the line that a search finds it by."""


def console_for(stream: IO[str]) -> Console:
    """Without colour when it is no terminal or NO_COLOR is set. What the stream cannot spell becomes "?".

    As wide as the terminal; elsewhere as COLUMNS says, or wide.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    # Rich takes whatever `isdigit` holds of, such as "²", for a width.
    unfit = {name for name in ("COLUMNS", "LINES") if not 0 < (whole(os.environ.get(name, "")) or 0) <= _WIDEST}
    told = {name: value for name, value in os.environ.items() if name not in unfit}
    console = Console(file=stream, highlight=False, markup=False, emoji=False, _environ=told)
    if not console.is_terminal and "COLUMNS" in unfit:
        console.width = _FILE_COLUMNS
    return console


def said(verdict: str, text: str = "") -> Text:
    """ "✓ met", in its tone's colour: the mark says the same without one."""
    found = tone(verdict)
    return Text(f"{MARKS[found]} {printable(text) or words(printable(verdict))}", style=STYLES[found])


def plain(text: str, style: str = "") -> Text:
    """A text that came from a file or a target: nothing in it steers the terminal."""
    return Text(printable(text), style=style)
