"""A customer who withdraws consent and looks again: what was withdrawn must stay withdrawn.

At the end the consents are as they were found, so that the account can be used again: also when something went wrong on
the way, unless the target then refuses them or the run is over.
"""

from contextlib import suppress

from locust import task

from holdfast.kit.outcome import failed
from holdfast.kit.service import Consents
from holdfast.load import Visitor


class ConsentChange(Visitor):
    @task
    def withdraw(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("read_consents"):
            before = self.service.read_consents()
        try:
            self.withdraw_and_look()
        except Exception:
            # In no step: the visit ended in the one that failed, and that failure is the one to tell.
            with suppress(Exception):
                self.put_back(before)
            raise
        with self.step("restore"):
            if self.put_back(before) != before:
                raise failed("not_restored")

    def withdraw_and_look(self) -> None:
        with self.step("withdraw"):
            self.service.update_consent(marketing=False, analytics=False)
        with self.step("read_back"):
            found = self.service.read_consents()
            if found.marketing or found.analytics:
                raise failed("consent_returned")

    def put_back(self, before: Consents) -> Consents:
        return self.service.update_consent(marketing=before.marketing, analytics=before.analytics)
