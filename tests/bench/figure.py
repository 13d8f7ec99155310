"""A figure, a row without a limit, and what a group hands back: the nouns of the bench."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One measured value. `limit` None: a peer's, or one to read beside another. `value` None: `how` says why not."""

    what: str
    value: float | None
    unit: str
    how: str
    limit: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """reached, missed, or nothing where there is no limit; `not measured` where there is no value."""
        if self.value is None:
            return "not measured"
        if self.limit is None:
            return ""
        return "reached" if (self.value >= self.limit if self.at_least else self.value <= self.limit) else "missed"


@dataclass(frozen=True)
class Table:
    """Rows as they were measured, beside the figures drawn from them, and the commands that made them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """One group's outcome. `profiles`: where the processor time went, by the name of the missed figure."""

    name: str
    about: str
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    profiles: Mapping[str, str] = field(default_factory=dict)

    @property
    def missed(self) -> tuple[Figure, ...]:
        return tuple(figure for figure in self.figures if figure.verdict == "missed")


def shown(value: float | None) -> str:
    """Four significant digits, thousands set apart; a dash for None."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def ratio(value: float | None, other: float | None) -> float | None:
    return value / other if value is not None and other else None
