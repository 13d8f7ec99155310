"""A customer who got the bill and wonders why: signs in, lists invoices, opens the newest."""

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class BillingInquiry(Visitor):
    @task
    def look_up_the_bill(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("list_invoices"):
            invoices = self.service.list_invoices()
            if not invoices:
                raise failed("no_invoices")
        with self.step("open_invoice"):
            self.service.open_invoice(invoices[0])
