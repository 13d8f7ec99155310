"""An attacker with a list of leaked passwords. A check of the limits, not a means to break in.

One wrong password goes to an account that exists: it must be refused. The rest go to one address that nobody has, until
the limit says 429; it must come, and hold. Limits count known and unknown addresses alike (`account_enumeration` checks
that), so no customer is locked out by this drill.
"""

from uuid import uuid4

from locust import task

from holdfast.kit.accounts import stranger_like
from holdfast.kit.outcome import OutcomeError, failed
from holdfast.load import Visitor
from holdfast.record.sample import RATE_LIMITED


class CredentialStuffing(Visitor):
    attack = True
    mfa = False

    @task
    def try_the_list(self) -> None:
        with self.step("guess_once"):
            self.service.guess_password(self.account.email, "Leaked-Password-0")
        nobody = stranger_like(self.account.email, uuid4().hex)
        with self.step("guess_until_limited"):
            self.guess_until_limited(nobody)
        with self.step("limit_holds"):
            if not self.is_limited(nobody, "Leaked-Password-last"):
                raise failed("limit_fell")

    def guess_until_limited(self, email: str) -> None:
        for number in range(15):
            if self.is_limited(email, f"Leaked-Password-{number}"):
                return
        raise failed("no_limit")

    def is_limited(self, email: str, password: str) -> bool:
        try:
            self.service.guess_password(email, password)
        except OutcomeError as error:
            if error.outcome != RATE_LIMITED:
                raise
            if error.retry_after is None:
                raise failed("no_retry_after") from error
            return True
        return False
