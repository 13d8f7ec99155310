"""A customer who does not wait: when signing in fails or is slow, tries again at once, once more, and gives up.

Many of them make a retry storm: failures bring load, and load brings failures.
"""

from locust import task

from holdfast.kit.outcome import OutcomeError
from holdfast.load import Visitor
from holdfast.record.sample import ABANDONED, FAILED, RATE_LIMITED, REJECTED, TIMED_OUT, TRANSPORT_ERROR


class ImpatientSignIn(Visitor):
    mfa = False
    expect = (FAILED, TIMED_OUT, RATE_LIMITED, REJECTED, TRANSPORT_ERROR, ABANDONED)  # of the tries before the last

    @task
    def insist(self) -> None:
        try:
            with self.step("sign_in", patience=3.0):
                self.service.sign_in(self.account)
        except OutcomeError:
            self.try_again()

    def try_again(self) -> None:
        for _ in range(2):
            try:
                with self.step("retry_sign_in", patience=3.0):
                    self.service.sign_in(self.account)
            except OutcomeError:
                continue
            return
        self.give_up("too_many_tries")
