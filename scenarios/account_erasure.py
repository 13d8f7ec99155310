"""A customer who leaves for good: signs up, signs in, erases the account, and cannot sign in any more.

It erases the account that it signed up itself; the leased one is left alone, so nobody else goes without. Where the
target offers no sign-up, a run with this scenario is refused before it starts.
"""

from uuid import uuid4

from locust import task

from holdfast.kit.accounts import new_account
from holdfast.kit.outcome import OutcomeError, failed
from holdfast.load import Visitor
from holdfast.record.sample import REJECTED


class AccountErasure(Visitor):
    mfa = False
    expect = (REJECTED,)  # the sign-in of an account that is gone

    @task
    def leave_for_good(self) -> None:
        own = new_account(uuid4().hex)
        with self.step("sign_up"):
            self.service.sign_up(own)
        with self.step("sign_in"):
            self.service.sign_in(own)
        with self.step("erase"):
            self.service.erase_account()
        with self.step("stay_erased"):
            try:
                self.service.sign_in(own)
            except OutcomeError as error:
                if error.outcome != REJECTED:
                    raise
            else:
                raise failed("still_there")
