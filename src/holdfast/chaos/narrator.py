"""Hears what Chaos Toolkit does, and makes the story of it.

Chaos Toolkit swallows every Exception that a handler raises; `MethodNotReleased` is none, so that it is obeyed.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaoslib.run import RunEventHandler

from holdfast.chaos.evidence import secret_values
from holdfast.chaos.keeping import Keeper
from holdfast.chaos.schema import is_foreign_action
from holdfast.chaos.story import DONE, FAILED, PENDING, Story, Telling
from holdfast.chaos.verdict import calls, steady_state_met, what_failed
from holdfast.clock import Clock


class MethodNotReleased(BaseException):
    """The experiment must not begin; nothing was put in."""


class Narrator(RunEventHandler):  # type: ignore[misc]  # Chaos Toolkit has no types
    """The event handler of one experiment. Chaos Toolkit calls it in the main thread and its background threads."""

    def __init__(self, story: Story, control_file: Path, clock: Clock, telling: Telling, keeper: Keeper) -> None:
        self._story = story
        self._control_file = control_file
        self._clock = clock
        self._telling = telling
        self._keeper = keeper
        self._in_method = False
        self._changing = threading.Lock()

    def running(
        self,
        experiment: Mapping[str, Any],
        journal: Any,  # noqa: ARG002 - Chaos Toolkit's signatures, here and below
        configuration: Any,
        secrets: Any,
        schedule: Any,  # noqa: ARG002
        settings: Any,  # noqa: ARG002
    ) -> None:
        self._story.configuration, self._story.secrets = dict(configuration or {}), dict(secrets or {})
        self._keeper.redactor.add(*secret_values(self._story.secrets))
        if not self._control_file.exists():
            raise MethodNotReleased("Chaos Toolkit did not load holdfast's control, so it could not be stopped")
        lost = sorted({*experiment.get("configuration", {})} - {*self._story.configuration})
        if lost:  # Chaos Toolkit only warns, and goes on with "${name}" as it stands
            raise MethodNotReleased(f"the configuration {', '.join(lost)} could not be resolved")

    def hypothesis_before_completed(self, experiment: Any, state: Any, journal: Any) -> None:  # noqa: ARG002
        self._story.steady_state_before = self._looked("before", state)

    def continuous_hypothesis_iteration(self, iteration_index: int, state: Any) -> None:  # noqa: ARG002
        self._looked("during", state)

    def hypothesis_after_completed(self, experiment: Any, state: Any, journal: Any) -> None:  # noqa: ARG002
        self._story.steady_state_after = self._looked("after", state)

    def start_method(self, experiment: Any) -> None:  # noqa: ARG002
        self._in_method = True
        self._story.method_began = self._clock.now()

    def method_completed(self, experiment: Any, state: Any = None) -> None:  # noqa: ARG002
        self._in_method = False

    def start_rollbacks(self, experiment: Any) -> None:  # noqa: ARG002
        self._story.rolling_back = True

    def rollbacks_completed(self, experiment: Any, journal: Any) -> None:  # noqa: ARG002
        """A fault that is not ours is out when the rollbacks have been played."""
        story = self._story
        failed = any(what_failed(item) for item in journal["rollbacks"])
        if story.injected_at is not None and not failed and story.way_back not in {PENDING, FAILED}:
            self.note_reverted(self._clock.now())

    def start_activity(self, activity: Mapping[str, Any]) -> None:
        """On disk before it begins, as the undo log is: whoever kills us leaves the record to say what may be in."""
        if not self._in_method or not is_foreign_action(activity):
            return
        with self._changing:
            is_first, self._story.foreign_began = not self._story.foreign_began, True
        if is_first:
            self._telling.span(self._story.span())

    def activity_completed(self, activity: Mapping[str, Any], run: Mapping[str, Any]) -> None:
        failed = what_failed(run)
        self._note_rollback(activity, failed)
        if failed:
            was_interrupted = "status" not in run and not activity.get("background")
            if activity.get("type") == "action" and not was_interrupted:
                text = what_failed(self._keeper.activity(run))
                self._telling.event("activity_failed", experiment=self._story.name, text=text)
            return
        output = run.get("output") or {}
        if calls(activity, "inject"):
            self._note_met(output["connections_met"], output["arrivals"])
            self.note_injected(output["injected_at"], output["fault"], output["target"])
        elif calls(activity, "revert"):
            if output["chunks_met"] is not None:
                self._story.chunks_met = output["chunks_met"]
            if output["arrivals"] is not None:
                self._story.arrivals_after = output["arrivals"]
            self._note_gone(output["gone"])
            if output["reverted"]:
                self.note_reverted(output["reverted_at"])
        elif calls(activity, "hold"):
            self._note_gone(output["gone"])
        elif self._in_method and activity.get("type") == "action":
            self.note_injected(self._clock.now(), self._story.fault, self._story.target)

    def note_injected(self, at: float, fault: str, target: str) -> None:
        """The first fault of an experiment begins its span."""
        story = self._story
        with self._changing:
            if story.injected_at is not None:
                return
            story.injected_at, story.fault, story.target = at, fault, target
        self._telling.span(story.span())
        title = story.experiment.title
        self._telling.event("fault_injected", experiment=story.name, fault=fault, target=target, title=title)

    def note_reverted(self, at: float) -> None:
        story = self._story
        with self._changing:
            if story.reverted_at is not None or story.injected_at is None:
                return
            story.reverted_at, story.clean_up = at, DONE
        self._telling.span(story.span())
        self._telling.event("fault_reverted", experiment=story.name, clean_up=story.clean_up)

    def _note_rollback(self, activity: Mapping[str, Any], failed: str) -> None:
        if not self._story.rolling_back or not is_foreign_action(activity):
            return
        with self._changing:
            if failed:
                self._story.rollbacks_failed.append(failed)
            else:
                self._story.rollbacks_played += 1

    def _note_gone(self, gone: Mapping[str, Any] | None) -> None:
        """The fault left before its time: its span ends when that was seen."""
        if gone is None or self._story.reverted_at is not None:
            return
        self._story.gone = str(gone["why"])
        self._telling.event("notice", text=f"{self._story.name}: its fault left before its time: {gone['why']}")
        if gone["is_certain"]:
            self.note_reverted(float(gone["at"]))

    def _note_met(self, connections_met: int | None, arrivals: int | None) -> None:
        """Of each fault of the experiment; what came, since the first."""
        story = self._story
        with self._changing:
            if connections_met is not None:
                story.connections_met = (story.connections_met or 0) + connections_met
            if story.arrivals_before is None:
                story.arrivals_before = arrivals

    def _looked(self, when: str, state: Any) -> bool | None:
        met = steady_state_met(state)
        self._telling.event("steady_state", experiment=self._story.name, when=when, met=met)
        return met
