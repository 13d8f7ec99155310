"""Definition files broken in ways that people and tools break them: seeded, so that a failure can be had again."""

import copy
import random

import yaml

_PIECES = [*"\t :-?[]{}#&*!|>'\"%@`,\n\r~=<.0x\\", "---", "...", "- ", "<<: ", "&a ", "*a", "é", "\u2028", "\ufeff", "\x00", '"\\ud800"', "1e999", "9" * 400]  # fmt: skip  # noqa: E501
_VALUES = [None, True, False, 0, -1, 1, 0.99, 1e308, 10**30, "", "x", "0.99", "1M", "0m", "28d", "UTC", "Timeslices", "$ref", "\x07", "Ω" * 70, [], {}, [[]], [None], {"": 1}, [{}], {"name": "x"}]  # fmt: skip  # noqa: E501


def mutated_text(rng: random.Random, text: str) -> str:
    """One to four characters or pieces put in, left out or exchanged."""
    characters = list(text)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(characters)) if characters else 0
        kind = rng.random()
        if kind < 0.4 or not characters:
            characters.insert(place, rng.choice(_PIECES))
        elif kind < 0.7:
            del characters[place : place + rng.randint(1, 6)]
        else:
            characters[place] = rng.choice(_PIECES)
    return "".join(characters)


def mutated_bytes(rng: random.Random, text: str) -> bytes:
    """Bytes that may be no UTF-8 any more."""
    raw = bytearray(text.encode())
    for _ in range(rng.randint(1, 3)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw)


def mutated_tree(rng: random.Random, data: object, most: int = 4) -> object:
    """One to `most` properties exchanged, removed, renamed, doubled or moved."""
    data = copy.deepcopy(data)
    for _ in range(rng.randint(1, most)):
        holders = _holders(data)
        if not holders:
            return rng.choice(_VALUES)
        holder, key = rng.choice(holders)
        kind = rng.random()
        if kind < 0.4:
            holder[key] = copy.deepcopy(rng.choice(_VALUES))
        elif kind < 0.6:
            del holder[key]
        elif kind < 0.75:
            other, there = rng.choice(holders)
            holder[key] = copy.deepcopy(other.get(there) if isinstance(other, dict) else other[there : there + 1])
        elif isinstance(holder, dict):
            holder[
                rng.choice(["spec", "kind", "name", "op", "raw", "indicatorRef", str(key).upper(), f"{key}s", ""])
            ] = holder.pop(key)
        else:
            holder.append(copy.deepcopy(holder[key]))
    return data


def written(data: object) -> str:
    """As YAML; what cannot be written is left to the mutations of text."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _holders(data: object) -> list[tuple[dict | list, object]]:
    found: list[tuple[dict | list, object]] = []
    to_see = [data]
    while to_see:
        one = to_see.pop()
        keys = list(one) if isinstance(one, dict) else list(range(len(one))) if isinstance(one, list) else []
        found += [(one, key) for key in keys]
        to_see += [one[key] for key in keys]
    return found
