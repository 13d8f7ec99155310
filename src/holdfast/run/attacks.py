"""Attack scenarios are a drill: only where they are allowed, and within bounds that no file can raise.

In: a plan, its target and its profiles. Out: problems, each at the line of the profile that asks for too much.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from holdfast.errors import Problem
from holdfast.load.scenario import is_attack
from holdfast.run.requirements import Checking
from holdfast.workspace.document import Document, load_documents
from holdfast.workspace.plan import Plan
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.rate import ArrivalRate, fitted
from holdfast.workspace.target import TargetDefinition, is_loopback

MOST_ATTACK_RATE: Final = 10.0
"""Visits of attackers a second, by all the load of a plan."""
MOST_ATTACK_VISITS: Final = 2_000
"""Visits of attackers of one plan; each makes at most `holdfast.kit.service.MOST_GUESSES` guesses."""


def attack_problems(
    checking: Checking,
    plan: Plan,
    target_name: str,
    target: TargetDefinition | None,
    profiles: Mapping[str, LoadProfile],
    scenarios: Mapping[str, Path],
    sizing: str | None,
) -> list[Problem]:
    """What is wrong with the attacks a plan asks for; nothing when it asks for none. `sizing`: a sizing's profile."""
    attacks = frozenset(name for name, path in scenarios.items() if is_attack(path))
    used = {name: profile for name, profile in profiles.items() if attacks & profile.mix.keys()}
    documents = {name: load_documents(checking.workspace.file_of("scenarios/profiles", name))[0][0] for name in used}
    problems: list[Problem] = []
    for name, profile in used.items():
        first = next(scenario for scenario in profile.mix if scenario in attacks)
        where = documents[name].where(("mix", first))
        if target is not None and not allows_attacks(target):
            what = f"{first} is an attack, and target {target_name} does not allow attacks"
            fix = "if it is yours to attack, write `attacks: true` beside `allowed: true` in holdfast.yaml"
            problems.append(Problem(where, what, fix))
        if profile.virtual_users is not None:  # also beside stages: one mix is for both
            what = f"{first} is an attack, and a closed model has no limit of its rate"
            fix = "remove virtual_users: attacks arrive on stages"
            problems.append(Problem(documents[name].where(("virtual_users",)), what, fix))
        if name == sizing:
            problems.append(Problem(where, f"{first} is an attack, and no sizing is for attackers", "remove it"))
    return problems + list(_beyond_bounds(plan, used, attacks, documents))


def allows_attacks(target: TargetDefinition) -> bool:
    """The reference stack and this machine do; another target must say so."""
    return target.url is None or is_loopback(target.url) or (target.allowed and target.attacks)


def _beyond_bounds(
    plan: Plan, profiles: Mapping[str, LoadProfile], attacks: frozenset[str], documents: Mapping[str, Document]
) -> Iterator[Problem]:
    """All load of a plan counts together, as if its peaks met; told at the profile that goes beyond.

    Counted is what the load child will play: each stretch starts the profile anew, cut or held to the stretch's length.
    """
    rate = visits = 0.0
    names = {phase.name for phase in plan.phases}
    for entry in plan.load:
        profile = profiles.get(entry.profile)
        if profile is None or not profile.stages or not set(entry.during) <= names:
            continue
        share = sum(w for name, w in profile.mix.items() if name in attacks) / sum(profile.mix.values())
        scale = entry.scale * share
        played = [ArrivalRate(fitted(profile.pieces, end - start)) for start, end in plan.stretches(entry)]
        rate += max(stretch.peak for stretch in played) * scale
        visits += sum(stretch.expected for stretch in played) * scale
        where = documents[entry.profile].where(("stages",))
        # Asked this way round, NaN is beyond the bounds too: a scale of `inf` makes it.
        if not rate <= MOST_ATTACK_RATE:
            what = f"{rate:.3g} attackers a second at the peak; at most {MOST_ATTACK_RATE:g} may come"
            yield Problem(where, what, "lower the rate, the scale or their part of the mix")
        if not visits <= MOST_ATTACK_VISITS:
            what = f"{visits:.0f} visits of attackers; at most {MOST_ATTACK_VISITS} may be made"
            yield Problem(where, what, "shorten the plan, or lower the rate or their part of the mix")
