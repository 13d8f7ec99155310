"""Who the visitors are: pseudonymous test accounts, leased so that no two visitors share one.

In: an index, or a CSV file of the user's own test accounts. Out: `Account`s, and a pool that lends them.
Generated accounts are the same everywhere: the reference stack seeds exactly these, so nothing has to be handed over.
"""

import base64
import csv
import hashlib
import hmac
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.errors import InputError, Problem
from holdfast.kit.totp import STEP_SECONDS, is_secret

GENERATED_PASSWORD: Final = "Correct-Horse-7-Battery"  # noqa: S105  one for all, so that seeding needs one hash
_GENERATED_DOMAIN: Final = "@accounts.invalid"  # RFC 2606: never a real mailbox
_MOST_KNOWN: Final = 5000  # of a file, 1.8 s of one core before a run begins; of generated accounts, 0.6 s
_TOTP_KEY: Final = b"holdfast-reference"
_EXPOSED: Final = 0o077  # permissions of anybody but the owner
_GOLDEN_RATIO: Final = 0.6180339887498949
_COLUMNS: Final = ("email", "password")
_FORM: Final = "columns: email, password, totp_secret (may be empty)"
_BASE32: Final = "base32 (letters A to Z, digits 2 to 7, no spaces) of at least 23 characters"


@dataclass(frozen=True, slots=True)
class Account:
    """A test account. `totp_secret` is base32; None when the account has no second factor."""

    index: int
    email: str
    password: str = field(repr=False)
    totp_secret: str | None = field(default=None, repr=False)

    @property
    def has_mfa(self) -> bool:
        return self.totp_secret is not None


def generated_account(index: int) -> Account:
    """The account of this index, the same on every machine; even ones have a second factor."""
    return Account(
        index=index,
        email=f"visitor-{index:06d}{_GENERATED_DOMAIN}",
        password=GENERATED_PASSWORD,
        totp_secret=_generated_secret(index) if index % 2 == 0 else None,
    )


def generated_accounts(first: int, count: int) -> tuple[Account, ...]:
    """`count` accounts from index `first` on."""
    return tuple(generated_account(index) for index in range(first, first + count))


def new_account(mark: str) -> Account:
    """An account that nobody has yet, to sign up: `mark` is what no other visit has, letters and digits."""
    return Account(index=-1, email=f"new-{mark}{_GENERATED_DOMAIN}", password=GENERATED_PASSWORD)


def stranger_like(email: str, mark: str) -> str:
    """An address that nobody has, of the same domain and, where `mark` is long enough, the same length."""
    name, _, domain = email.rpartition("@")
    return f"{mark[: max(len(name), 12)]}@{domain}"


@dataclass(frozen=True, slots=True)
class Apart:
    """How many accounts of each kind, with a second factor and without, are put behind all others: the journeys'."""

    coded: int = 0
    plain: int = 0


def accounts_of(source: Mapping[str, Any], first: int, count: int) -> tuple[Account, ...]:
    """The accounts [first, first + count) of a target: `{"generated": 2000}` or `{"file": path}`.

    `"apart": {"coded": 3, "plain": 2}` puts so many of each kind last, before any are counted off.
    Raises InputError when there are none, or the file cannot be used.
    """
    if "file" in source:
        accounts = read_accounts(Path(source["file"]))
    else:
        accounts = generated_accounts(0, int(source.get("generated", first + count)))
    accounts = _set_apart(accounts, Apart(**source.get("apart") or {}))
    chosen = accounts[first : first + count]
    if not chosen:
        raise InputError(
            Problem("target.accounts", f"accounts {first} to {first + count} of {len(accounts)}: there are none")
        )
    return chosen


def secrets_in(source: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What of a target's accounts must stand in no log: of at most the first 5,000, for each is kept in every encoding.
    Generated ones are known to everybody; their password and secrets are kept out all the same.
    """
    if not source or "file" not in source:
        count = min(int((source or {}).get("generated", _MOST_KNOWN)), _MOST_KNOWN)
        return (GENERATED_PASSWORD, *(one.totp_secret for one in generated_accounts(0, count) if one.totp_secret))
    try:
        accounts = read_accounts(Path(source["file"]))[:_MOST_KNOWN]
    except InputError:
        return ()  # whoever leases from it says what is wrong with it
    return tuple(value for one in accounts for value in (one.password, one.totp_secret or "", one.email))


def _set_apart(accounts: tuple[Account, ...], apart: Apart) -> tuple[Account, ...]:
    """The last ones of each kind behind all others."""
    if not (apart.coded or apart.plain):
        return accounts
    left = {True: apart.coded, False: apart.plain}
    behind: list[Account] = []
    before: list[Account] = []
    for account in reversed(accounts):
        here = left[account.has_mfa] > 0
        left[account.has_mfa] -= here
        (behind if here else before).append(account)
    return (*reversed(before), *reversed(behind))


def turned(accounts: Sequence[Account], now: float) -> tuple[Account, ...]:
    """The same accounts, begun at another place each second: `now` is in seconds since the epoch.

    A one-time code is accepted once, and a run does not know which codes the run before it used. Steps of the golden
    ratio keep the places of seconds that follow each other far apart (Steinhaus's three-distance theorem).
    """
    place = int(len(accounts) * (int(now) * _GOLDEN_RATIO % 1.0))
    return (*accounts[place:], *accounts[:place])


def divided(accounts: Sequence[Account], ways: Collection[bool]) -> tuple[Sequence[Account], Sequence[Account]]:
    """Those to lease and those to share: half of each kind, where `ways` asks for both (True: shared).

    Else a visitor with an account of its own would meet others who hold it too.
    """
    if len(set(ways)) < 2:
        return accounts, ()
    of_kind = [[one for one in accounts if one.has_mfa is mfa] for mfa in (True, False)]
    halves = [(kind[: len(kind) // 2], kind[len(kind) // 2 :]) for kind in of_kind]
    return [one for half, _ in halves for one in half], [one for _, half in halves for one in half]


def read_accounts(path: Path) -> tuple[Account, ...]:
    """The user's own test accounts: CSV with the columns email, password and, if any, totp_secret.

    Raises InputError with everything that is wrong. The file holds passwords: it must be its owner's alone (mode 0600).
    """
    try:
        mode = path.stat().st_mode
        reader = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
        # DictReader passes over empty lines, which count; and only the reader within it knows them all.
        lined = [(reader.reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}", "name a CSV file of test accounts")) from error
    problems: list[Problem] = []
    if mode & _EXPOSED:
        problems.append(Problem(str(path), "others can read it, and it holds passwords", f"chmod 600 {path}"))
    for line, row in lined:
        where = f"{path}:{line}"
        problems.extend(Problem(where, f"no {column}", _FORM) for column in _COLUMNS if not row.get(column))
        if row.get("totp_secret") and not is_secret(row["totp_secret"]):
            problems.append(Problem(where, "no code can be made of this totp_secret", _BASE32))
    if not lined:
        problems.append(Problem(str(path), "holds no account", _FORM))
    if problems:
        raise InputError(*problems)
    return tuple(
        Account(index, row["email"], row["password"], row.get("totp_secret") or None)
        for index, (_, row) in enumerate(lined)
    )


class AccountPool:
    """Lends accounts, the one that rested longest first.

    A code of a second factor is accepted once in its 30 s step, so an account that has one rests after its visit
    until the next step begins. Not for several threads; greenlets and coroutines of one thread are fine.
    """

    def __init__(self, accounts: Iterable[Account], clock: Clock) -> None:
        self._clock = clock
        self._turn = 0
        self._plain: deque[tuple[int, Account]] = deque()  # (turn, account), in order of turn
        self._mfa: deque[tuple[int, float, Account]] = deque()  # (turn, rested at, account), in order of both
        for account in accounts:
            self._put(account, rested_at=0.0)

    def __len__(self) -> int:
        """How many are not lent, resting ones included."""
        return len(self._plain) + len(self._mfa)

    def lease(self, mfa: bool | None = None) -> Account | None:
        """Borrow one, with or without a second factor as asked; None when none is free now."""
        plain = self._plain[0][0] if self._plain and mfa is not True else None
        rested = bool(self._mfa) and mfa is not False and self._mfa[0][1] <= self._clock.now()
        if rested and (plain is None or self._mfa[0][0] < plain):
            return self._mfa.popleft()[2]
        if plain is not None:
            return self._plain.popleft()[1]
        return None

    def free_at(self, mfa: bool | None = None) -> float | None:
        """When `lease` will lend one: a time of the clock, not after now where one is free. None: all are lent."""
        now = self._clock.now()
        plain = [now] if self._plain and mfa is not True else []
        resting = [self._mfa[0][1]] if self._mfa and mfa is not False else []
        return min(plain + resting, default=None)

    def share(self, mfa: bool | None = None) -> Account | None:
        """One that others may hold too, each in turn, with a second factor or not as asked; None when there is none.

        Nothing to give back. Of a pool that lends as well, those that are lent are not among them; but one that is
        shared may be lent: see `divided`.
        """
        wanted = [queue for queue in (self._plain, self._mfa) if queue and mfa in {None, queue is self._mfa}]
        if not wanted:
            return None
        queue = min(wanted, key=lambda queue: queue[0][0])
        account = queue.popleft()[-1]
        self._put(account, rested_at=0.0)
        return account

    def give_back(self, account: Account) -> None:
        """Return it. One with a second factor rests until the present 30 s step is over."""
        step = int(self._clock.now() // STEP_SECONDS)
        self._put(account, rested_at=float((step + 1) * STEP_SECONDS))

    def put_aside(self, account: Account, until: float) -> None:
        """Return one that was not used, because another process has it: first in its turn again, not before `until`."""
        if account.has_mfa:
            self._mfa.appendleft((0, until, account))
        else:
            self._put(account, rested_at=0.0)

    def _put(self, account: Account, rested_at: float) -> None:
        self._turn += 1
        if account.has_mfa:
            self._mfa.append((self._turn, rested_at, account))
        else:
            self._plain.append((self._turn, account))


def _generated_secret(index: int) -> str:
    digest = hmac.new(_TOTP_KEY, f"totp-{index}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:20]).decode("ascii")
