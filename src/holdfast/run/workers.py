"""Who plays the load: this process alone, workers of this machine, workers of others that join with a shared key.

In: what the command line asked for. Out: `Workers`, or all that is wrong with it before anything starts.
"""

import os
import socket
import stat
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast.digits import whole
from holdfast.errors import InputError, Problem, raise_input_error, shown

KEY_VARIABLE: Final = "HOLDFAST_WORKER_KEY"
LEAST_KEY_CHARACTERS: Final = 16
PATIENCE_SECONDS: Final = 60.0
"""How long the run and its workers wait for each other unless asked otherwise."""
_PREPARE_SECONDS: Final = 60.0
_EXPOSED: Final = stat.S_IRWXG | stat.S_IRWXO
_MAKE_ONE: Final = "make one: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


@dataclass(frozen=True, slots=True)
class Workers:
    """`local` processes of this machine and `remote` ones that join at host:port. None of either: the load child alone.

    `key` is what remote ones must know; it is in no artifact.
    """

    local: int = 0
    remote: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    key: str = field(default="", repr=False)
    patience: float = PATIENCE_SECONDS  # to wait for all to join, in seconds

    @property
    def count(self) -> int:
        return self.local + self.remote

    @property
    def awaited(self) -> str:
        """Of other machines, and where they join."""
        return f"{self.remote} worker{'' if self.remote == 1 else 's'} at {self.host}:{self.port}"

    @property
    def ready_seconds(self) -> float:
        """How much longer a run takes to be ready that has workers: they join, prepare and spawn their visitors."""
        return self.patience + _PREPARE_SECONDS if self.count else 0.0

    def as_job(self) -> dict[str, object]:
        """Their part of the load child's job."""
        alone: dict[str, object] = {"workers": self.local, "patience": self.patience}
        if not self.remote:
            return alone
        remote = {"count": self.remote, "host": self.host, "port": self.port, "key": self.key}
        return alone | {"remote": remote}


ALONE: Final = Workers()


def address_of(text: str, option: str) -> tuple[str, int]:
    """ "10.0.0.5:5557" → ("10.0.0.5", 5557). Raises InputError."""
    host, found, port = text.rpartition(":")
    number = whole(port)
    if not found or not host or number is None or not 0 < number < 65536:
        raise InputError(
            Problem(f"{option} {text}", "is not an address", f"write host:port, such as {option} 127.0.0.1:5557")
        )
    return host.strip("[]"), number


def key_from(
    file: Path | None,
    environment: Mapping[str, str],
    variable: str = KEY_VARIABLE,
    need: str = "workers of other machines need a shared key",
) -> str:
    """The shared key, from a file that only its owner can read, or from the environment. Raises InputError."""
    if file is None:
        where, key = variable, environment.get(variable, "").strip()
        if not key:
            fix = f"set {variable}, or name a file: --key-file; {_MAKE_ONE}"
            raise InputError(Problem(where, f"{need}, and there is none", fix))
    else:
        where = shown(file)
        try:
            mode, key = file.stat().st_mode, file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(Problem(where, f"cannot be read: {error}", "name the file with the shared key")) from None
        if mode & _EXPOSED:
            raise InputError(Problem(where, "others can read it, and it holds the shared key", f"chmod 600 {where}"))
    if len(key) < LEAST_KEY_CHARACTERS:
        what = f"the shared key has fewer than {LEAST_KEY_CHARACTERS} characters"
        raise InputError(Problem(where, what, _MAKE_ONE))
    return key


def asked_workers(
    local: int, remote: int, listen: str | None, key_file: Path | None, patience: float = PATIENCE_SECONDS
) -> Workers:
    """Of the options `--workers`, `--remote-workers`, `--listen`, `--key-file`, `--patience`. Raises InputError."""
    if not remote:
        if listen is not None:
            what = "nobody is to join: there is no --remote-workers"
            raise InputError(Problem(f"--listen {listen}", what, "say how many: --remote-workers 4"))
        return Workers(local, patience=patience)
    problems: list[Problem] = []
    host, port, key = "", 0, ""
    try:
        host, port = address_of(listen or "127.0.0.1:5557", "--listen")
        if not _is_free(host, port):
            what = "cannot be listened on"
            problems.append(Problem(f"--listen {host}:{port}", what, "choose another port, or address"))
    except InputError as error:
        problems += error.problems
    try:
        key = key_from(key_file, os.environ)
    except InputError as error:
        problems += error.problems
    raise_input_error(problems)
    return Workers(local, remote, host, port, key, patience)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError:
            return False
    return True
