"""What every group is given, and how long it may take."""

from dataclasses import dataclass
from pathlib import Path

from machine import Cores


@dataclass(frozen=True)
class Bench:
    """`quick`: shorter windows and fewer rounds; figures are noisier, and the page says so."""

    folder: Path
    cores: Cores
    quick: bool
    with_tests: bool

    @property
    def rounds(self) -> int:
        return 2 if self.quick else 5

    @property
    def window(self) -> float:
        """Seconds that a rate is counted for."""
        return 1.5 if self.quick else 4.0
