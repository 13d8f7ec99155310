"""A customer who withdraws consent and looks again: what was withdrawn must stay withdrawn.

At the end the consents are as they were found, so that the account can be used again.
"""

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class ConsentChange(Visitor):
    @task
    def withdraw(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("read_consents"):
            before = self.service.read_consents()
        with self.step("withdraw"):
            self.service.update_consent(marketing=False, analytics=False)
        with self.step("read_back"):
            found = self.service.read_consents()
            if found.marketing or found.analytics:
                raise failed("consent_returned")
        with self.step("restore"):
            restored = self.service.update_consent(marketing=before.marketing, analytics=before.analytics)
            if restored != before:
                raise failed("not_restored")
