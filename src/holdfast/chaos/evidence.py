"""The journal of an experiment as evidence: what Chaos Toolkit recorded and what we make of it, without secrets."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from holdfast.private import write_text

HIDDEN: Final = "[hidden]"
_SHORTEST_SECRET: Final = 4  # hiding every "1" or "on" would hide the journal


def write_evidence(
    path: Path, journal: Mapping[str, Any], attributes: Mapping[str, object], secrets: Iterable[str]
) -> None:
    """JSON: Chaos Toolkit's journal, with the fault's `attributes` under "holdfast"."""
    experiment = {name: part for name, part in journal["experiment"].items() if name != "secrets"}
    whole = {**journal, "experiment": experiment, "holdfast": dict(attributes)}
    hidden = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(_hide(whole, hidden), indent=1, default=str) + "\n")


def secret_values(secrets: object) -> list[str]:
    """Every text within what Chaos Toolkit resolved the experiment's secrets to."""
    if isinstance(secrets, Mapping):
        return [text for value in secrets.values() for text in secret_values(value)]
    if isinstance(secrets, list | tuple):
        return [text for value in secrets for text in secret_values(value)]
    return [str(secrets)] if secrets is not None else []


def _hide(value: Any, hidden: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _hide(part, hidden) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(part, hidden) for part in value]
    if not isinstance(value, str):
        return value
    for secret in hidden:
        value = value.replace(secret, HIDDEN)
    return value
