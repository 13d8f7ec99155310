"""What is tried of an adapter, in which order, and that everything is put back."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from holdfast.kit.accounts import generated_accounts
from holdfast.kit.adapter import operations
from holdfast.kit.outcome import OutcomeError, failed, not_offered
from holdfast.kit.service import Consents, Invoice, Plan, PlanChange, Profile, Session
from holdfast.run.trial import Book, Visitor
from holdfast.run.trials import party_of, try_all

PARTY = party_of(generated_accounts(0, 6))


class Stack:
    """A stack and its adapter in one; `calls` in order."""

    def __init__(self):
        self.calls, self.plan, self.phone, self.consents, self.orders = [], "S", "+49 1", Consents(False, True), {}
        self.who = None

    def __getattribute__(self, name):
        if name in operations():
            object.__getattribute__(self, "calls").append(name)
        return object.__getattribute__(self, name)

    def sign_in(self, account):
        if account.password.startswith("not-"):
            raise OutcomeError("rejected", "403")
        self.who = account
        if account.has_mfa:
            self.submit_code(account, "c")

    def submit_code(self, account, challenge_id): ...

    def sign_out(self):
        self.who = None

    def list_invoices(self):
        return (Invoice("2", "2026-02", 1, "EUR", "paid"), Invoice("1", "2026-01", 1, "EUR", "paid"))

    def open_invoice(self, invoice): ...

    def current_plan(self):
        return self.plan

    def list_plans(self):
        return (Plan("S", "Small", 1), Plan("M", "Medium", 2))

    def change_plan(self, plan, idempotency_key):
        replayed = idempotency_key in self.orders
        self.plan = plan if not replayed else self.plan
        self.orders.setdefault(idempotency_key, f"o{len(self.orders)}")
        return PlanChange(self.orders[idempotency_key], plan, "done", replayed)

    def request_password_reset(self, email):
        return 1.0

    def wait_for_reset_token(self, email, since):
        return "t"

    def complete_password_reset(self, token, password): ...

    def read_profile(self):
        if self.who is None:
            raise OutcomeError("rejected", "401")
        return Profile(self.who.email, "A", self.phone, self.plan, self.who.has_mfa)

    def update_profile(self, *, name=None, phone=None):
        self.phone = phone
        return self.read_profile()

    def list_sessions(self):
        return (Session("s", True),)

    def read_consents(self):
        return self.consents

    def update_consent(self, *, marketing, analytics):
        self.consents = Consents(marketing, analytics)
        return self.consents


def tried(stack, party=PARTY, *, destructive=False):
    book = Book(stack, None, "acme.py")
    stack.calls.clear()  # looking at what is offered is no call
    try_all(book, lambda account: Visitor(account, SimpleNamespace(last=None), stack), party, destructive=destructive)
    return book


def verdicts(book):
    return {name: one.verdict for name, one in book.tried.items()}


BASIC = [name for name in vars(Stack) if name in operations()]


def test_everything_that_works_is_said_to_work_and_the_stack_is_as_it_was():
    stack = Stack()
    book = tried(stack)
    assert {name: verdicts(book)[name] for name in BASIC} == dict.fromkeys(BASIC, "works")
    assert (stack.plan, stack.phone, stack.consents) == ("S", "+49 1", Consents(False, True))
    assert book.problems == book.left_in == []
    assert set(book.tried) == set(operations())


def test_an_account_without_a_second_factor_signs_in_first_and_nobody_after_signing_out():
    assert not PARTY.customer.has_mfa
    assert PARTY.second.has_mfa
    assert PARTY.spare not in {PARTY.customer, PARTY.second}
    stack = Stack()
    tried(stack)
    calls = [name for name in stack.calls if name != "submit_code"]
    assert calls[0] == "sign_in"
    out = calls.index("sign_out")
    assert calls[out + 1 : out + 3] == ["read_profile", "request_password_reset"]


@pytest.mark.parametrize(
    ("operation", "broken", "told"),
    [
        ("sign_in", lambda account: None, "raises nothing when the password is wrong"),
        ("list_invoices", lambda: [{"id": "1"}], "list_invoices returned list, not a tuple"),
        ("list_invoices", lambda: (Invoice("1", "2026-01", "19.99", "EUR", "paid"),), "amount_cents is str, not int"),
        ("list_invoices", lambda: (Invoice("1", "1", 1, "E", "p"), Invoice("2", "2", 1, "E", "p")), "newest must come"),
        ("current_plan", lambda: None, "current_plan is NoneType, not str"),
        ("list_sessions", lambda: (), "one session must be the current one"),
        ("open_invoice", lambda invoice: {}["body"], "KeyError"),
        ("list_plans", lambda: sys.exit(1), "SystemExit"),
        ("read_consents", lambda: (_ for _ in ()).throw(failed("answer_without_choices")), "answer_without_choices"),
        ("change_plan", lambda plan, key: PlanChange(key, "S", "done", False), "tells another plan"),
        ("sign_out", lambda: None, "can still be read afterwards"),
    ],
)
def test_a_broken_operation_is_one_problem_that_says_what_it_did(operation, broken, told):
    stack = Stack()
    setattr(stack, operation, broken)
    if operation == "sign_in":
        stack.who = PARTY.customer
    book = tried(stack)
    assert verdicts(book)[operation] == "broken"
    (problem,) = book.problems
    assert problem.what.startswith(f"{operation}: ")
    assert told in problem.what


def test_what_depends_on_a_broken_operation_was_not_tried_and_what_is_missing_is_no_problem():
    stack = Stack()
    stack.list_invoices = lambda: ()
    stack.list_sessions = not_offered
    stack.read_consents = None
    book = tried(stack)
    assert book.tried["open_invoice"].reason == "the account has no invoice"
    assert (book.tried["list_sessions"].verdict, book.tried["list_sessions"].reason) == ("missing", "not_offered")
    assert book.tried["read_consents"].reason == "not_implemented"
    assert book.tried["update_consent"].reason == "read_consents is missing"
    assert book.problems == []


def test_a_change_whose_check_fails_is_put_back_all_the_same():
    stack = Stack()
    change = stack.change_plan
    stack.change_plan = lambda plan, key: replace(change(plan, key), replayed=False)
    book = tried(stack)
    assert "does not say of a repeated change" in book.problems[0].what
    assert stack.plan == "S"


@pytest.mark.parametrize("operation", ["change_plan", "update_profile", "update_consent"])
def test_a_change_that_is_missing_leaves_nothing_to_be_put_back(operation):
    stack = Stack()
    setattr(stack, operation, None)
    book = tried(stack)
    assert (verdicts(book)[operation], book.problems, book.left_in) == ("missing", [], [])


def test_what_cannot_be_put_back_is_told_apart():
    stack = Stack()
    change = stack.change_plan
    stack.change_plan = lambda plan, key: change(plan, key) if plan == "M" else change("M", key)
    (left,) = tried(stack).left_in
    assert "the plan of a test account could not be put back" in left.what


def test_without_anybody_signed_in_the_rest_is_not_tried():
    stack = Stack()
    stack.sign_in = lambda account: (_ for _ in ()).throw(OutcomeError("transport_error", "ConnectionRefusedError"))
    book = tried(stack)
    assert book.tried["read_profile"].reason == "nobody could sign in"
    assert len([p for p in book.problems if p.what.startswith("sign_in")]) == 1


def test_a_target_that_limits_its_rate_or_has_no_outbox_is_no_broken_adapter():
    stack = Stack()
    stack.list_plans = lambda: (_ for _ in ()).throw(OutcomeError("rate_limited", "429", retry_after=7))
    stack.wait_for_reset_token = lambda email, since: (_ for _ in ()).throw(failed("no_outbox"))
    book = tried(stack)
    assert book.tried["list_plans"].reason == "the target limits its rate: again in 7 s"
    assert book.tried["wait_for_reset_token"].reason == "the target names no outbox_url"
    assert book.problems == []


def test_without_an_account_with_a_second_factor_the_code_is_not_tried():
    party = party_of([account for account in generated_accounts(0, 6) if not account.has_mfa])
    assert tried(Stack(), party).tried["submit_code"].reason == "no account with a second factor"
