"""What an adapter is asked to do, in an order in which it can be done, and how each change is taken back.

In: a `Book` and who may try. Out: the book, filled. Each trial names the operations it covers; an operation of the
protocol that none covers is told as not tried.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from holdfast.kit.accounts import Account
from holdfast.kit.adapter import operations
from holdfast.kit.outcome import OutcomeError
from holdfast.kit.service import ATTACKS
from holdfast.run.trial import Book, StepOverError, Visitor

Come = Callable[[Account], Visitor]
"""A new visitor with this account: cold connection, no cookies."""

NO_MFA: Final = "no account with a second factor"
NO_ACCOUNT: Final = "no account is left for it"
DESTRUCTIVE: Final = "it cannot be taken back: ask for it with --destructive"
_PHONES: Final = ("+49 30 901820", "+49 30 901821")


@dataclass(frozen=True, slots=True)
class Party:
    """Who tries. `customer` signs in, `second` has a second factor, `spare` may be lost; None: nobody is there."""

    customer: Account
    second: Account | None
    spare: Account | None


def party_of(accounts: Sequence[Account]) -> Party:
    """From test accounts, at least one. Without a second factor where there is one such: no code is waited for."""
    plain = [account for account in accounts if not account.has_mfa]
    second = next((account for account in accounts if account.has_mfa), None)
    customer = (plain or list(accounts))[0]
    others = [account for account in (*plain, *accounts) if account not in {customer, second}]
    return Party(customer, second, others[0] if others else None)


def try_all(book: Book, come: Come, party: Party, *, destructive: bool) -> None:
    """Every operation once. What was changed has been put back when this returns, or raises."""
    visitor = come(party.customer)
    signed_in = _attempt(book, ("sign_in",), lambda: _sign_in(book, come, visitor))
    trials: tuple[tuple[tuple[str, ...], Callable[[Book, Visitor], None]], ...] = (
        (("read_profile",), _read_profile),
        (("refresh_session",), _refresh_session),
        (("list_invoices", "open_invoice"), _invoices),
        (("current_plan", "list_plans", "change_plan"), _plans),
        (("update_profile",), _update_profile),
        (("list_sessions",), _sessions),
        (("read_consents", "update_consent"), _consents),
        (("sign_out",), _sign_out),
    )
    for covers, trial in trials:
        if signed_in:
            _attempt(book, covers, lambda trial=trial: trial(book, visitor))  # type: ignore[misc]
        else:
            book.skip(covers, "nobody could sign in")
    reset = ("request_password_reset", "wait_for_reset_token", "complete_password_reset")
    _attempt(book, reset, lambda: _reset(book, come, party.customer))
    second = party.second
    if second is None:
        book.skip(("submit_code",), NO_MFA)
    elif not signed_in:
        book.skip(("submit_code",), "nobody could sign in")
    else:
        _attempt(book, ("submit_code",), lambda: _second_factor(book, come(second)))
    old = ("sign_in_v1", "read_profile_v1", "list_invoices_v1")
    _attempt(book, old, lambda: _old_api(book, come(party.customer)))
    stranger = come(party.customer)
    _attempt(book, ("open_sign_in_page",), lambda: book.call(stranger, "open_sign_in_page"))
    _attempt(book, ATTACKS, lambda: _attacks(book, come(party.customer)))
    for_good = ("sign_up", "erase_account")
    if destructive:
        _attempt(book, for_good, lambda: _for_good(book, come, party))
    book.skip(for_good, DESTRUCTIVE)
    book.skip(operations(), "this version does not know how to try it")


def _attempt(book: Book, covers: tuple[str, ...], trial: Callable[[], None]) -> bool:
    if not any(name in operations() for name in covers):
        return True
    try:
        with book.restoring():
            trial()
    except StepOverError as why:
        book.skip(covers, str(why))
        return False
    except OutcomeError as error:
        book.skip(covers, f"before it could be tried: {error.outcome} {error.detail}")
        return False
    return True


def _sign_in(book: Book, come: Come, visitor: Visitor) -> None:
    """A wrong password must not sign in: an adapter that raises nothing would find every visit good."""
    book.call(visitor, "sign_in", visitor.account)
    stranger = come(replace(visitor.account, password=f"not-{uuid4()}"))
    try:
        stranger.service.sign_in(stranger.account)
    except OutcomeError:
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001  the adapter's own
        book.fails(stranger, "sign_in", f"with a wrong password it raises {type(error).__name__}")
    book.fails(stranger, "sign_in", "raises nothing when the password is wrong")


def _read_profile(book: Book, visitor: Visitor) -> None:
    profile = book.call(visitor, "read_profile")
    same = profile.email.casefold() == visitor.account.email.casefold()
    book.must(same, visitor, "read_profile", "shows another e-mail address than the account's")


def _refresh_session(book: Book, visitor: Visitor) -> None:
    book.call(visitor, "refresh_session")
    book.call(visitor, "read_profile")


def _invoices(book: Book, visitor: Visitor) -> None:
    invoices = book.call(visitor, "list_invoices")
    periods = [invoice.period for invoice in invoices]
    newest_first = periods == sorted(periods, reverse=True)
    book.must(newest_first, visitor, "list_invoices", "the newest must come first, by period")
    if not invoices:
        raise StepOverError("the account has no invoice")
    book.call(visitor, "open_invoice", invoices[0])


def _plans(book: Book, visitor: Visitor) -> None:
    present = book.call(visitor, "current_plan")
    plans = [plan.id for plan in book.call(visitor, "list_plans")]
    book.must(present in plans, visitor, "list_plans", "does not list the plan that current_plan says")
    wished = next((plan for plan in plans if plan != present), None)
    if wished is None:
        raise StepOverError("there is no other plan to change to")

    def back() -> None:
        if visitor.service.current_plan() != present:
            visitor.service.change_plan(present, str(uuid4()))
        if visitor.service.current_plan() != present:
            raise OutcomeError("failed", "not_changed_back")

    book.needs("change_plan")
    book.put_back("plan", visitor, back)
    key = str(uuid4())
    change = book.call(visitor, "change_plan", wished, key)
    book.must(change.plan == wished, visitor, "change_plan", "tells another plan than was asked for")
    book.must(not change.replayed, visitor, "change_plan", "says of a first change that it is replayed")
    again = book.call(visitor, "change_plan", wished, key)
    book.must(again.id == change.id, visitor, "change_plan", "the same idempotency key made a second change")
    book.must(again.replayed, visitor, "change_plan", "does not say of a repeated change that it is replayed")
    saved = book.call(visitor, "current_plan") == wished
    book.must(saved, visitor, "change_plan", "the plan is the old one after the change")


def _update_profile(book: Book, visitor: Visitor) -> None:
    before = book.call(visitor, "read_profile")
    wished = next(phone for phone in _PHONES if phone != before.phone)
    if not before.phone:
        raise StepOverError("the account has no phone number to be put back")
    book.needs("update_profile")
    book.put_back("phone number", visitor, lambda: _phone_back(visitor, before.phone))
    after = book.call(visitor, "update_profile", phone=wished)
    book.must(after.phone == wished, visitor, "update_profile", "answers with another phone number than was asked for")
    book.must(after.name == before.name, visitor, "update_profile", "changes the name when only the phone was given")
    saved = book.call(visitor, "read_profile").phone == wished
    book.must(saved, visitor, "update_profile", "the phone number is not saved")


def _phone_back(visitor: Visitor, phone: str) -> None:
    if visitor.service.update_profile(phone=phone).phone != phone:
        raise OutcomeError("failed", "not_saved")


def _sessions(book: Book, visitor: Visitor) -> None:
    found = book.call(visitor, "list_sessions")
    one = sum(session.current for session in found) == 1
    book.must(one, visitor, "list_sessions", "one session must be the current one")


def _consents(book: Book, visitor: Visitor) -> None:
    before = book.call(visitor, "read_consents")
    given = {"marketing": before.marketing, "analytics": before.analytics}
    wished = {"marketing": not before.marketing, "analytics": before.analytics}

    def back() -> None:
        if visitor.service.update_consent(**given) != before:
            raise OutcomeError("failed", "not_saved")

    book.needs("update_consent")
    book.put_back("consent", visitor, back)
    after = book.call(visitor, "update_consent", **wished)
    as_asked = (after.marketing, after.analytics) == (wished["marketing"], wished["analytics"])
    book.must(as_asked, visitor, "update_consent", "answers with other consents than were asked for")
    book.must(book.call(visitor, "read_consents") == after, visitor, "update_consent", "the consents are not saved")


def _sign_out(book: Book, visitor: Visitor) -> None:
    book.call(visitor, "sign_out")
    profile: Any = None
    try:
        profile = visitor.service.read_profile()
    except (Exception, SystemExit):  # noqa: BLE001  whatever it raises, it does not read
        return
    book.must(profile is None, visitor, "sign_out", "the profile can still be read afterwards")


def _reset(book: Book, come: Come, account: Account) -> None:
    """The new password is the old one, as in the scenario."""
    visitor = come(account)
    asked_at = book.call(visitor, "request_password_reset", account.email)
    token = book.call(visitor, "wait_for_reset_token", account.email, asked_at)
    book.call(visitor, "complete_password_reset", token, account.password)
    again = come(account)
    try:
        again.service.sign_in(account)
    except OutcomeError:
        book.fails(again, "complete_password_reset", "the new password does not sign in")


def _second_factor(book: Book, visitor: Visitor) -> None:
    """`sign_in` of an account with a second factor submits its code: that call is watched."""
    if "submit_code" in book.tried:
        return
    asked: list[float] = []
    submit = visitor.service.submit_code

    def watched(account: Account, challenge_id: str) -> None:
        asked.append(time.monotonic())
        submit(account, challenge_id)

    with suppress(AttributeError):  # an adapter with slots cannot be watched
        visitor.service.submit_code = watched  # type: ignore[method-assign]
    signed_in = book.tried.pop("sign_in")  # a failure here is the code's, not that of signing in without one
    try:
        book.call(visitor, "sign_in", visitor.account)
    except StepOverError:
        book.rename("sign_in", "submit_code")
        raise
    finally:
        book.tried["sign_in"] = signed_in
    if not asked:
        raise StepOverError("the target asked for no code")
    book.works("submit_code", time.monotonic() - asked[0])


def _old_api(book: Book, visitor: Visitor) -> None:
    book.call(visitor, "sign_in_v1", visitor.account)
    book.call(visitor, "read_profile_v1")
    book.call(visitor, "list_invoices_v1")


def _attacks(book: Book, visitor: Visitor) -> None:
    """One wrong guess, and one reset for an address that nobody has: neither locks an account or sends a mail."""
    with suppress(StepOverError):
        book.call(visitor, "guess_password", visitor.account.email, f"not-{uuid4()}")
    book.call(visitor, "probe_password_reset", _nobodys_address())


def _for_good(book: Book, come: Come, party: Party) -> None:
    """An account signed up for it is erased; where none can be signed up, a test account that nobody else needs."""
    lost = party.spare
    if book.offers("sign_up"):
        lost = Account(-1, _nobodys_address(), party.customer.password)
        book.call(come(lost), "sign_up", lost)
    if lost is None:
        raise StepOverError(NO_ACCOUNT)
    visitor = come(lost)
    if book.offers("erase_account"):
        visitor.service.sign_in(lost)
        book.call(visitor, "erase_account")


def _nobodys_address() -> str:
    return f"visitor-{uuid4().hex[:12]}@accounts.invalid"  # RFC 2606: never a real mailbox
