"""The run while it goes on. On a terminal a few lines that change; elsewhere plain lines, one every ten seconds."""

from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from holdfast.record.sample import OK
from holdfast.report.figures import count, duration, number, rate, words
from holdfast.report.terminal.console import STYLES, plain, said
from holdfast.report.verdicts import MARKS, tone
from holdfast.run.events import (
    FaultInjected,
    FaultReverted,
    Finished,
    JourneyRan,
    Notice,
    PhaseStarted,
    Preparing,
    RunEvent,
    SearchStep,
    Started,
    Tick,
)

_EVERY: Final = 10.0  # seconds between plain lines
_HISTORY: Final = 60  # seconds of the small picture
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_ALARMING: Final = 14.4  # burn rate of the workbook's fast page
_TONES: Final = {"info": "neutral", "warning": "unclear", "error": "bad"}


class LiveScreen:
    """Listens to a run: `with LiveScreen(console) as screen: screen.handle(event)`. Draws only then, in no thread."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._started: Started | None = None
        self._tick: Tick | None = None
        self._recent: list[Tick] = []
        self._faults: dict[str, str] = {}
        self._told = -_EVERY
        self._doing = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=True, redirect_stdout=False)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def handle(self, event: RunEvent) -> None:
        """Show one event."""
        line = self._take(event)
        if line is not None:
            self._console.print(line)
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)

    def _take(self, event: RunEvent) -> Text | None:  # noqa: C901 - one case for each kind of event
        match event:
            case Preparing():
                self._doing = event.what
                return None if self._live else plain(f"preparing: {event.what}")
            case Started():
                self._started, self._doing = event, ""
                long = f"{'at most' if event.at_most else 'about'} {duration(event.duration)}"
                return plain(f"run {event.run_id} on {event.target}, {long}: {event.folder}")
            case PhaseStarted():
                note = "" if event.judged else " (not judged)"
                return _at(event.at, plain(f"phase {event.name}{note}", "bold"))
            case Tick():
                return self._take_tick(event)
            case FaultInjected():
                self._faults[event.experiment] = text = f"{event.fault} on {event.target}"
                return _at(event.at, plain(f"fault in: {event.experiment}: {text}", STYLES["bad"]))
            case FaultReverted():
                self._faults.pop(event.experiment, None)
                text = f"fault out: {event.experiment}, clean-up {event.clean_up}"
                return _at(event.at, said(event.clean_up, text))
            case JourneyRan():
                return self._take_journey(event)
            case SearchStep():
                self._doing = f"searching capacity: {rate(event.rate)} {event.verdict}"
                return _at(event.at, said(event.verdict, f"held {rate(event.rate)}: {event.verdict}. {event.reason}"))
            case Notice():
                found = tone(_TONES.get(event.severity, event.severity))
                return _at(event.at, Text(f"{MARKS[found]} ", STYLES[found]) + plain(event.text))
            case Finished():
                return None  # the page tells it

    def _take_tick(self, tick: Tick) -> Text | None:
        self._tick = tick
        self._recent = [*self._recent, tick][-_HISTORY:]
        if self._live is not None or tick.at - self._told < _EVERY:
            return None
        self._told = tick.at
        return _at(tick.at, plain(f"{tick.phase}: {self._figures(tick)}"))

    def _take_journey(self, event: JourneyRan) -> Text | None:
        """A walk that went well is a number on the page; a line is for one that did not."""
        if event.outcome == OK:
            return None
        where = f" at {event.step}" if event.step else ""
        text = f"journey {event.name}: {words(event.outcome)}{where}, after {duration(event.duration)}"
        return _at(event.at, said(event.outcome, text))

    def _figures(self, tick: Tick) -> str:
        parts = [
            f"{rate(tick.rate)} due",
            f"{count(tick.ok)} ok, {count(tick.bad)} bad so far",
            f"p95 {duration(tick.p95)}",
        ]
        if tick.in_flight is not None:
            parts.append(f"{count(tick.in_flight)} in flight")
        if tick.replicas_ready is not None:
            parts.append(f"{count(tick.replicas_ready)} replicas ready")
        return " · ".join(parts)

    def _picture(self) -> RenderableType:
        tick, started = self._tick, self._started
        lines: list[RenderableType] = []
        if started is not None and tick is not None:
            lines.append(self._progress(started, tick))
            lines.append(plain(self._figures(tick)))
            lines.append(_small_picture(self._recent, self._console.width))
            burning = {name: burn for name, burn in tick.burn_rates.items() if burn is not None}
            if burning:
                lines.append(_burns(burning))
        for experiment, text in self._faults.items():
            lines.append(plain(f"{MARKS['bad']} in the target now: {experiment}: {text}", STYLES["bad"]))
        if self._doing:
            lines.append(plain(f"{self._doing} …", "dim"))
        return Group(*lines)

    def _progress(self, started: Started, tick: Tick) -> Text:
        width = max(min(self._console.width - 46, 40), 8)
        done = min(max(tick.at / started.duration, 0.0), 1.0) if started.duration else 1.0
        filled = round(width * done)
        bar = Text("━" * filled, STYLES["good"]) + Text("━" * (width - filled), "dim")
        clock = f" {duration(max(tick.at, 0.0))} of {duration(started.duration)}"
        return plain(f"{started.plan} ", "bold") + bar + Text(clock) + plain(f"  {tick.phase}", "bold")


def _at(at: float, text: Text) -> Text:
    return Text(f"{at:6.1f} s  ", "dim") + text


def _small_picture(recent: list[Tick], width: int) -> Text:
    """Visits due in the last minute, a column a second; where bad ones ended in the tone of bad."""
    shown = recent[-max(min(width - 20, _HISTORY), 10) :]
    most = max((tick.rate for tick in shown), default=0.0) or 1.0
    picture = Text("")
    before = recent[: len(recent) - len(shown)][-1:]  # the one whose bad ones are not those of the first shown
    for tick, last in zip(shown, [*(before or shown[:1]), *shown], strict=False):
        block = _BLOCKS[round((len(_BLOCKS) - 1) * tick.rate / most)]
        picture.append(block, STYLES["bad" if tick.bad > last.bad else "good"])
    return picture + Text(f"  up to {rate(most)}", "dim")


def _burns(burning: dict[str, float]) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    for name, burn in burning.items():
        found = "bad" if burn >= _ALARMING else "unclear" if burn > 1 else "good"
        table.add_row(plain(name), Text(f"{MARKS[found]} burn rate {number(burn)}", STYLES[found]))  # type: ignore[index]
    return table
