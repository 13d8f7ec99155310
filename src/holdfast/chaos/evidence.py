"""The journal of an experiment as evidence: what may be kept of it (see `keeping`), and what we make of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.private import write_text
from holdfast.redaction import Redactor


def write_evidence(
    path: Path, journal: Mapping[str, Any], attributes: Mapping[str, object], redactor: Redactor
) -> None:
    """JSON: Chaos Toolkit's `journal`, as it was kept, with the fault's `attributes` under "holdfast".

    Nothing is written that holds a known secret all the same.
    """
    content = json.dumps({**journal, "holdfast": dict(attributes)}, indent=1, default=str) + "\n"
    if redactor.is_in(content.encode()):
        content = redactor.without_known(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, content)


def secret_values(secrets: object) -> list[str]:
    """Every text within what Chaos Toolkit resolved the experiment's secrets to."""
    if isinstance(secrets, Mapping):
        return [text for value in secrets.values() for text in secret_values(value)]
    if isinstance(secrets, list | tuple):
        return [text for value in secrets for text in secret_values(value)]
    return [str(secrets)] if secrets is not None else []
