"""An account that another process of the workspace walks with is not ours to use; the kernel frees it at its end."""

import subprocess
import sys
from pathlib import Path

from holdfast.kit.account_locks import FILE_NAME, AccountLocks
from holdfast.kit.accounts import generated_account

FIRST, SECOND = generated_account(0), generated_account(1)
URL = "http://127.0.0.1:1"
HOLDER = """
import sys
from pathlib import Path
from holdfast.kit.account_locks import AccountLocks
from holdfast.kit.accounts import generated_account
print(AccountLocks(Path(sys.argv[1]), sys.argv[2]).take(generated_account(0)), flush=True)
sys.stdin.read()
"""


def held(folder: Path, url: str = URL) -> subprocess.Popen[str]:
    """A process that has the first account."""
    command = [sys.executable, "-c", HOLDER, str(folder), url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def test_an_account_is_one_process_s_until_it_ends_in_whatever_way(tmp_path: Path) -> None:
    with held(tmp_path) as holder:
        ours = AccountLocks(tmp_path, URL)
        assert [ours.take(FIRST), ours.take(SECOND), AccountLocks(tmp_path, "http://127.0.0.1:2").take(FIRST)] == [
            False, True, True,
        ]  # fmt: skip
        holder.kill()
    assert ours.take(FIRST)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / FILE_NAME).read_bytes() == b""


def test_an_account_that_was_freed_is_another_process_s(tmp_path: Path) -> None:
    ours = AccountLocks(tmp_path, URL)
    assert ours.take(FIRST)
    ours.free(FIRST)
    with held(tmp_path) as holder:
        assert not ours.take(FIRST)
        holder.kill()


def test_where_no_file_can_be_made_every_account_is_free(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file\n")
    ours = AccountLocks(tmp_path / "state", URL)
    assert ours.take(FIRST)
    ours.free(FIRST)
    ours.close()
