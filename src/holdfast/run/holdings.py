"""What there is to share: a target's accounts by kind, and a plan's journeys as their accounts see them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.kit.accounts import read_accounts
from holdfast.run.prepared import Prepared
from holdfast.run.shares import Holdings, Walks
from holdfast.synthetics.definition import definition_of


def holdings_of(source: Mapping[str, Any]) -> Holdings:
    """How many accounts of each kind a target has. Raises InputError when its file cannot be used."""
    if "file" in source:
        accounts = read_accounts(Path(source["file"]))
        coded = sum(account.has_mfa for account in accounts)
        return Holdings(coded, len(accounts) - coded)
    generated = int(source.get("generated", 0))
    return Holdings((generated + 1) // 2, generated // 2)


def walks_of(prepared: Prepared) -> tuple[Walks, ...]:
    """Every journey of the plan as its accounts see it."""
    root, duration = prepared.workspace.root, prepared.plan.duration
    return tuple(
        Walks(
            journey=journey.name,
            needs_code=definition_of(root / journey.path).needs_code,
            every=journey.every,
            budget=journey.budget,
            walks=journey.times or math.ceil(duration / journey.every),
            patient=journey.times is not None,
        )
        for journey in prepared.journeys
    )
