"""One experiment, run by Chaos Toolkit in this process, heard and recorded while it runs.

Chaos Toolkit takes signals, so this must be the main thread; and it keeps global state, so one at a time. It is never
trusted with the undo: whatever it does, what the undo log says is still in is taken out before `run` returns.
"""

import copy
import math
import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chaoslib.experiment import run_experiment
from chaoslib.hypothesis import run_steady_state_hypothesis
from chaoslib.types import Schedule, Strategy

from holdfast.chaos import undo
from holdfast.chaos.context import (
    HOLD_VARIABLE,
    VARIABLE,
    Context,
    control_file,
    stop_file,
    tokens_of,
    write_context,
)  # fmt: skip
from holdfast.chaos.evidence import write_evidence
from holdfast.chaos.experiment import Experiment
from holdfast.chaos.faults.latency import chunks_met
from holdfast.chaos.keeping import Keeper
from holdfast.chaos.narrator import MethodNotReleased, Narrator
from holdfast.chaos.story import DONE, FAILED, Story, Telling
from holdfast.chaos.verdict import Observed, judge, steady_state_met
from holdfast.clock import Clock
from holdfast.redaction import Redactor
from holdfast.temporary import TemporaryFolder
from holdfast.wording import said
from holdfast.workspace.target import Connection

_SETTINGS: Final = {"runtime": {"rollbacks": {"strategy": "always"}}}
_CONTROL: Final = "holdfast.chaos.control"
_LOOK_SECONDS: Final = 1.0  # between two looks at the steady state
_TICK_SECONDS: Final = 0.1
_END_SLACK_SECONDS: Final = 0.5  # the runner says that the run is over as the last window ends


@dataclass(frozen=True, slots=True)
class Window:
    """When the fault is to be in: seconds since the epoch. `name`: of the experiment in this run."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every experiment of a run shares. `ends`: when the run is over, seconds since the epoch. `redactor`: what
    must stand in no artifact."""

    target: Connection
    undo_log: Path
    run_db: Path
    run_folder: Path
    anchor: float
    ends: float
    redactor: Redactor = field(default_factory=Redactor)


class Session:
    """An experiment between its start and its end. `stop` may be called from any thread; the rest is the main one's."""

    def __init__(
        self, experiment: Experiment, window: Window, around: Surroundings, clock: Clock, telling: Telling
    ) -> None:
        self.story = Story(
            window.name, experiment, window.start, window.end, experiment.fault.kind, experiment.fault.target
        )
        self._window = window
        self._around = around
        self._clock = clock
        self._telling = telling
        self._stopped = ""
        self._stopped_at = math.inf
        self._forced_out = False
        self._interruptible = False
        self._afterwards: Mapping[str, Any] | None = None
        self._temporary = TemporaryFolder("chaos")  # it will hold the control token
        self._folder = self._temporary.path
        self._keeper = Keeper(experiment.data, around.redactor)
        self._narrator = Narrator(self.story, control_file(self._folder), clock, telling, self._keeper)

    def run(self) -> Story:
        """Run it to its end, the undo included. Never raises for what the experiment does: that is in the story."""
        self._telling.event(
            "experiment_started",
            experiment=self._window.name,
            title=self.story.experiment.title,
            foreign_actions=self.story.experiment.has_foreign_actions,
        )
        try:
            journal, error = self._run_chaos_toolkit()
            results = self._undo()
            self._look_after_rollbacks(journal)
            self._watch_recovery(journal)
        finally:
            self._temporary.cleanup()
        self._conclude(journal, error, results)
        return self.story

    def stop(self, why: str, *, at_once: bool) -> None:
        """End early: a hold returns, no fault is put in any more. `at_once`: undo by the log first, then interrupt."""
        if not self._stopped:
            self._stopped, self._stopped_at = why, self._clock.now()
        with suppress(OSError):  # the experiment has just ended
            stop_file(self._folder).touch()
        if at_once:
            self._forced_out = self._forced_out or self.story.may_be_in
            self._undo()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def interrupted(self) -> None:
        """For the handler of SIGINT, in the main thread. Raises KeyboardInterrupt where Chaos Toolkit takes it well.

        It does not during rollbacks: the rest of them would not be played.
        """
        if not self._stopped:
            self._stopped, self._stopped_at = "interrupted", self._clock.now()
        if self._interruptible and not self.story.rolling_back:
            self._interruptible = False
            raise KeyboardInterrupt

    def overdue(self, now: float) -> bool:
        """Whether its fault has been in for longer than the experiment's max_duration."""
        story = self.story
        since = story.injected_at if story.injected_at is not None else story.method_began
        if since is None or not story.may_be_in or story.rolling_back or self._stopped:
            return False
        return now - since > story.experiment.max_duration

    def _run_chaos_toolkit(self) -> tuple[Mapping[str, Any] | None, str]:
        """The journal, and what went wrong with running it at all."""
        experiment = self.story.experiment
        context = Context(
            target=self._around.target,
            undo_log=self._around.undo_log,
            experiment=self._window.name,
            max_duration=experiment.max_duration,
            anchor=self._around.anchor,
            run_db=self._around.run_db,
            folder=self._folder,
        )
        os.environ[VARIABLE] = str(write_context(context))
        os.environ[HOLD_VARIABLE] = f"{self._hold_seconds():g}"
        strategy = Strategy.CONTINUOUS if experiment.hypothesis == "resist" else Strategy.DEFAULT
        try:
            try:
                self._interruptible = True
                return run_experiment(
                    with_our_control(experiment.data),
                    settings=copy.deepcopy(_SETTINGS),
                    strategy=strategy,
                    schedule=Schedule(continuous_hypothesis_frequency=_LOOK_SECONDS),
                    event_handlers=[self._narrator],
                ), ""
            finally:
                self._interruptible = False
        except KeyboardInterrupt:
            return None, ""
        except MethodNotReleased as error:
            return None, str(error)
        except Exception as error:  # noqa: BLE001 - the verdict is "error", with its text
            return None, self._keeper.redactor.redact(said(error))

    def _hold_seconds(self) -> float:
        """The window's length; what is left of it, when the one before took longer than its own."""
        now = self._clock.now()
        begin = now if now - self._window.start > 1.0 else self._window.start
        return max(self._window.end - begin, 0.0)

    def _watch_recovery(self, journal: Mapping[str, Any] | None) -> None:
        """Chaos Toolkit looks once, right after the revert. What may recover is given its time, and looked at on."""
        story = self.story
        since = story.reverted_at
        after = journal["steady_states"]["after"] if journal is not None else None
        if since is None or after is None or story.experiment.hypothesis != "recover":
            return
        after = after if self._afterwards is None else self._afterwards
        story.recovered = bool(after["steady_state_met"])
        deadline = min(since + story.experiment.recover_within, self._around.ends)
        next_look = self._clock.now() + _LOOK_SECONDS
        while not story.recovered and self._clock.now() < deadline and not self._stopped:
            self._clock.sleep(_TICK_SECONDS)
            if self._clock.now() >= next_look:
                next_look += _LOOK_SECONDS
                story.recovered = bool(self._look_at_steady_state("recovery")["steady_state_met"])
        story.watched = self._clock.now() - since

    def _look_after_rollbacks(self, journal: Mapping[str, Any] | None) -> None:
        """Chaos Toolkit looks before its rollbacks, never after: one that breaks the target would pass."""
        looked = journal is not None and journal["steady_states"]["after"] is not None
        if looked and self.story.rollbacks_played and not self._stopped:
            self._afterwards = self._look_at_steady_state("after the rollbacks")

    def _look_at_steady_state(self, when: str) -> Mapping[str, Any]:
        story = self.story
        found: Mapping[str, Any] = run_steady_state_hypothesis(
            dict(story.experiment.data), story.configuration, story.secrets, None, None
        )
        self._telling.event("steady_state", experiment=story.name, when=when, met=bool(found["steady_state_met"]))
        return found

    def _undo(self) -> list[undo.UndoResult]:
        results = undo.undo_all(
            self._around.undo_log,
            experiment=self._window.name,
            tokens=tokens_of(self._around.target),
            now=self._clock.now,
        )
        if results and all(result.undone for result in results):
            if self.story.chunks_met is None:
                self.story.chunks_met = chunks_met(result.entry.undo for result in results)
            self._narrator.note_reverted(self._clock.now())
        return results

    def _conclude(self, journal: Mapping[str, Any] | None, error: str, results: list[undo.UndoResult]) -> None:
        story = self.story
        # Nothing is told of what Chaos Toolkit recorded but what may be kept.
        journal = None if journal is None else self._keeper.journal(journal)
        observed = Observed(
            hypothesis=story.experiment.hypothesis,
            injected=story.injected_at is not None,
            stopped=self._cut_short(journal, error),
            error=error,
            exposed=story.touched,
            recovered=story.recovered,
            watched=story.watched,
            recover_within=story.experiment.recover_within,
            gone=story.gone,
            afterwards=self._afterwards,
        )
        judgement = judge(journal, observed)
        story.verdict, story.reason = judgement.verdict, judgement.reason
        story.clean_up = self._clean_up(results)
        states = journal["steady_states"] if journal is not None else {}
        story.steady_state_before = steady_state_met(states.get("before"))
        last = states.get("after") if self._afterwards is None else self._afterwards
        story.steady_state_after = steady_state_met(last) if story.recovered is None else story.recovered
        story.status = str(journal["status"]) if journal is not None else "error"
        self._telling.span(story.span())
        self._telling.event(
            "experiment_ended",
            experiment=story.name,
            verdict=story.verdict,
            reason=story.reason,
            clean_up=story.clean_up,
            way_back=story.way_back,
        )
        if journal is not None:
            path = self._around.run_folder / "evidence" / f"chaos-{story.name}.json"
            write_evidence(path, journal, story.attributes(), self._keeper.redactor)

    def _cut_short(self, journal: Mapping[str, Any] | None, error: str) -> str:
        """Why, if it was; "" when it was told to stop only as its fault came out anyway, or later.

        A fault that was taken out by force was cut short whenever that was: the interrupt comes after the undo, and may
        find Chaos Toolkit at its end already.
        """
        was_interrupted = not error if journal is None else journal["status"] == "interrupted"
        planned = self._window.end - _END_SLACK_SECONDS
        reverted_at = self.story.reverted_at if self.story.reverted_at is not None else math.inf
        if was_interrupted or self._forced_out or self._stopped_at < min(planned, reverted_at):
            return self._stopped or "interrupted"
        return ""

    def _clean_up(self, results: list[undo.UndoResult]) -> str:
        still_in = [e for e in undo.open_entries(self._around.undo_log) if e.experiment == self._window.name]
        if still_in or any(not result.undone for result in results):
            return FAILED
        # What actions that are not ours did is out when each of the experiment's own rollbacks was played, and none
        # failed. Those that were never played (SIGUSR2 to Chaos Toolkit, for one) took nothing out.
        return DONE if self.story.way_back in {"", DONE} else FAILED


def with_our_control(data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the file's content, for Chaos Toolkit to change as it likes, with our control in it."""
    copied = copy.deepcopy(dict(data))
    control = {"name": "holdfast", "provider": {"type": "python", "module": _CONTROL}}
    copied["controls"] = [*copied.get("controls", []), control]
    return copied
