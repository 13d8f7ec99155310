"""A customer whose app was never updated: the same visit as ever, by version 1 of the API."""

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class LegacyV1(Visitor):
    @task
    def use_the_old_app(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in_v1(self.account)
        with self.step("read_profile"):
            if self.service.read_profile_v1().email != self.account.email:
                raise failed("another_account")
        with self.step("list_invoices"):
            self.service.list_invoices_v1()
