"""The chaos child of a run: each experiment in its window, on this process's main thread.

Beside the common job: "experiments": [{"name", "path", "start", "end"}] in seconds after time 0, and "undo_log".
Told to stop "now", or orphaned, it takes its faults out by the undo log first, and ends then. A watchdog does the same
with a fault that is in for longer than its experiment's max_duration.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, Final

from holdfast.channel import ChildEnd
from holdfast.chaos import undo
from holdfast.chaos.context import connection_from, tokens_of
from holdfast.chaos.experiment import Experiment, load_experiment
from holdfast.chaos.faults import read_fault
from holdfast.chaos.keeping import KeptFormatter, secrets_declared, words_of
from holdfast.chaos.session import Session, Surroundings, Window
from holdfast.chaos.story import DONE, FAILED, Story, Telling
from holdfast.chaos.verdict import INTERRUPTED
from holdfast.clock import Clock, SystemClock
from holdfast.errors import HoldfastError, Problem
from holdfast.kit.accounts import secrets_in
from holdfast.process import ending_signals, undo_inherited
from holdfast.record.store import RunStore
from holdfast.workspace.target import Connection

_TICK_SECONDS: Final = 0.2
_LAST_GRACE_SECONDS: Final = 15.0  # of an orphan, from its undo to its end

NOW: Final = "now"
ORPHANED: Final = "orphaned"


@dataclass(frozen=True, slots=True)
class Planned:
    """An experiment and its window, seconds after time 0."""

    name: str
    experiment: Experiment
    start: float
    end: float


def main() -> int:
    """What `python -m holdfast.chaos` does; returns its exit code."""
    undo_inherited()
    channel = ChildEnd.from_standard_streams()
    formatter = KeptFormatter()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    job = channel.receive()
    if job is None:
        return 0
    channel.redactor.add(*secrets_in(job["target"].get("accounts")))
    sys.path.insert(0, str(job["workspace"]))  # experiments may name the workspace's own modules
    planned, problems = prepare(job)
    if problems:
        channel.tell_problems(problems)
        return 2
    for one in planned:
        channel.redactor.add(*secrets_declared(one.experiment.data))
        formatter.words.update(words_of(one.experiment.data))
    with RunStore.open(Path(job["run_db"])) as store:
        child = Child(channel, job, planned, store)
        # Chaos Toolkit has handlers of its own while it runs, and puts these back: the signals that end it end us in
        # order before and after, too.
        for number in (*ending_signals(), signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, child.interrupted)
        channel.tell_ready()
        message = channel.receive()
        if message is None or "go" not in message:
            return 0
        return child.work(float(message["go"]))


def prepare(job: Mapping[str, Any]) -> tuple[list[Planned], list[Problem]]:
    """The experiments in order of time, checked against the target as it is now; or every problem."""
    problems: list[Problem] = []
    planned: list[Planned] = []
    target = connection_from(job["target"])
    for entry in job["experiments"]:
        experiment, found = load_experiment(Path(entry["path"]))
        problems += found
        if experiment is not None:
            name = _unlike(entry["name"], {p.name for p in planned})
            planned.append(Planned(name, experiment, float(entry["start"]), float(entry["end"])))
            problems += _missing_in(target, experiment)
    planned.sort(key=lambda p: p.start)
    problems += window_problems(planned)
    return planned, problems


def window_problems(planned: Sequence[Planned]) -> list[Problem]:
    """Windows that overlap, or are longer than the fault may last. `planned`: in order of start."""
    problems = [
        Problem(
            str(p.experiment.path),
            f"its fault may last {p.experiment.max_duration:g} s, and is to be in for {p.end - p.start:g} s",
            "shorten the phase, or raise max_duration",
        )
        for p in planned
        if p.end - p.start > p.experiment.max_duration
    ]
    for before, after in pairwise(planned):
        if after.start < before.end:
            what = f"{before.name} is still running then: Chaos Toolkit runs one experiment at a time"
            problems.append(Problem(str(after.experiment.path), what, "give each a phase of its own"))
    return problems


class Child:
    """The child from its release to its end."""

    def __init__(self, channel: ChildEnd, job: Mapping[str, Any], planned: Sequence[Planned], store: RunStore) -> None:
        self._channel = channel
        self._job = job
        self._planned = planned
        self._target = connection_from(job["target"])
        self._undo_log = Path(job["undo_log"])
        self._clock: Clock = SystemClock(float(job["anchor"]))
        self._telling = Telling(channel, store, self._clock)
        self._stopping = threading.Event()
        self._finished = threading.Event()
        self._session: Session | None = None

    def work(self, time_zero: float) -> int:
        """Every experiment in its window. 0, or 4 when something may still be in."""
        ends = time_zero + float(self._job["duration"])
        around = Surroundings(
            target=self._target,
            undo_log=self._undo_log,
            run_db=Path(self._job["run_db"]),
            run_folder=Path(self._job["run_folder"]),
            anchor=float(self._job["anchor"]),
            ends=ends,
            redactor=self._channel.redactor,
        )
        self._channel.redactor.add(*tokens_of(self._target).values())
        self._channel.on_stop(self._stop)
        threading.Thread(target=self._watch, args=(ends,), name="watchdog", daemon=True).start()
        stories = []
        for planned in self._planned:
            window = Window(planned.name, time_zero + planned.start, time_zero + planned.end)
            if not self._wait_until(window.start):
                break
            session = self._session = Session(planned.experiment, window, around, self._clock, self._telling)
            if self._stopping.is_set():  # told so just now, when there was no session to tell
                session.stop("the run was stopped", at_once=False)
            stories.append(session.run())
            self._session = None
        stories += [self._not_run(planned, time_zero) for planned in self._planned[len(stories) :]]
        self._finished.set()
        self._channel.tell_done(
            experiments={
                s.name: {"verdict": s.verdict, "reason": s.reason, "clean_up": s.clean_up, "way_back": s.way_back}
                for s in stories
            }
        )
        return 4 if any(story.clean_up == FAILED for story in stories) else 0

    def _not_run(self, planned: Planned, time_zero: float) -> Story:
        """It has a span all the same: what was asked for and not done must not look as if nobody had asked."""
        fault = planned.experiment.fault
        start, end = time_zero + planned.start, time_zero + planned.end
        story = Story(planned.name, planned.experiment, start, end, fault.kind, fault.target)
        story.status, story.verdict, story.clean_up = INTERRUPTED, INTERRUPTED, DONE
        story.reason = "the run was stopped before its time"
        self._telling.span(story.span())
        return story

    def interrupted(self, _signal: int, _frame: FrameType | None) -> None:
        """The handler of every signal that ends us."""
        self._stopping.set()
        if self._session is not None:
            self._session.interrupted()

    def _wait_until(self, at: float) -> bool:
        """False when told to stop before."""
        while (left := at - self._clock.now()) > 0:
            if self._stopping.wait(min(left, _TICK_SECONDS)):
                return False
        return not self._stopping.is_set()

    def _stop(self, how: str) -> None:
        """In the channel's thread."""
        at_once = how in {NOW, ORPHANED}
        self._stopping.set()
        session = self._session
        if session is not None:
            session.stop("the runner is gone" if how == ORPHANED else "the run was stopped", at_once=at_once)
        elif at_once:
            undo.undo_all(self._undo_log, tokens=tokens_of(self._target), now=self._clock.now)
        if how == ORPHANED and not self._finished.wait(_LAST_GRACE_SECONDS):
            os._exit(1)  # nobody is left to end us, and what we did is undone

    def _watch(self, ends: float) -> None:
        """The watchdog: a fault that is in for too long, and a run that is over, whoever else sleeps."""
        over = False
        while not self._finished.wait(_TICK_SECONDS):
            now, session = self._clock.now(), self._session
            if session is not None and session.overdue(now):
                limit = session.story.experiment.max_duration
                self._telling.event("notice", text=f"{session.story.name}: its fault was in for {limit:g} s, the most")
                session.stop(f"its max_duration of {limit:g} s was reached", at_once=True)
            if now >= ends and not over:
                over = True
                self._stop("drain")


def _unlike(name: str, others: set[str]) -> str:
    """An experiment may be run twice in a plan: its second span is another one."""
    names = (name, *(f"{name}-{number}" for number in range(2, len(others) + 3)))
    return next(candidate for candidate in names if candidate not in others)


def _missing_in(target: Connection, experiment: Experiment) -> list[Problem]:
    """What its faults need and the target has not: no such link, no such replica, too few of them."""
    problems: list[Problem] = []
    for arguments in experiment.injections:
        others = {name: value for name, value in arguments.items() if name != "fault"}
        fault, _ = read_fault(arguments["fault"], others)
        try:
            if fault is not None:
                fault.prepare(target, "check")
        except HoldfastError as error:
            problems += [Problem(f"{experiment.path}  {p.where}", p.what, p.fix) for p in error.problems]
    return problems
