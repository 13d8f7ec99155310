"""What a person at a terminal sees: the run while it goes on, and its result on one page."""

from holdfast.report.terminal.console import console_for
from holdfast.report.terminal.live import LiveScreen
from holdfast.report.terminal.page import render

__all__ = ["LiveScreen", "console_for", "render"]
