"""A customer about to call support tries alone first, and calls when a step fails or takes too long.

Who came through was served without a call: completed of started is the containment. The others are `abandoned`, at
the step after which they picked up the phone.
"""

from locust import task

from holdfast.load import Visitor


class SupportDeflection(Visitor):
    @task
    def try_alone_first(self) -> None:
        with self.step("sign_in", patience=4.0):
            self.service.sign_in(self.account)
        with self.step("list_invoices", patience=3.0):
            invoices = self.service.list_invoices()
            if not invoices:
                self.give_up("nothing_there")
        with self.step("open_invoice", patience=3.0):
            self.service.open_invoice(invoices[0])
        with self.step("read_plan", patience=2.0):
            self.service.current_plan()
