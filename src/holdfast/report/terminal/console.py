"""The terminal, or the file it was turned into."""

import io
from typing import IO, Final

from rich.console import Console
from rich.text import Text

from holdfast.report.figures import printable, words
from holdfast.report.verdicts import MARKS, Tone, tone

STYLES: Final[dict[Tone, str]] = {"good": "green", "bad": "red", "unclear": "yellow", "neutral": ""}


def console_for(stream: IO[str]) -> Console:
    """Without colour when it is no terminal or NO_COLOR is set. What the stream cannot spell becomes "?"."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def said(verdict: str, text: str = "") -> Text:
    """ "✓ met", in its tone's colour: the mark says the same without one."""
    found = tone(verdict)
    return Text(f"{MARKS[found]} {printable(text) or words(printable(verdict))}", style=STYLES[found])


def plain(text: str, style: str = "") -> Text:
    """A text that came from a file or a target: nothing in it steers the terminal."""
    return Text(printable(text), style=style)
