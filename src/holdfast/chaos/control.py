"""The control that the child adds to an experiment: it shows that it is loaded, and vetoes actions once told to stop.

Chaos Toolkit drops a control that fails to load without a word, so the child does not release the method before it
has seen `control_file`. All other events the child hears through its own event handler.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

from chaoslib.exceptions import InterruptExecution

from holdfast.chaos.context import control_file, load_context

MODULE: Final = __name__
_TAKES_OUT: Final = {"hold", "revert"}


def configure_control(experiment: Mapping[str, Any]) -> None:  # noqa: ARG001 - Chaos Toolkit's signature
    context = load_context(os.environ)
    if context.folder is not None:
        control_file(context.folder).touch()


def before_activity_control(context: Mapping[str, Any], experiment: Mapping[str, Any]) -> None:
    """Raises InterruptExecution, the one exception of a control that Chaos Toolkit obeys."""
    if context.get("type") != "action" or context in experiment.get("rollbacks", []):
        return
    provider = context.get("provider", {})
    if provider.get("module") == "holdfast.chaos.actions" and provider.get("func") in _TAKES_OUT:
        return
    if load_context(os.environ).stopping:
        raise InterruptExecution("told to stop")
