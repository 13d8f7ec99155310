"""A careful customer: password, then a code from the phone. Only accounts that have a second factor."""

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class SignInMfa(Visitor):
    mfa = True

    @task
    def look_in(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("read_profile"):
            if not self.service.read_profile().mfa:
                raise failed("no_second_factor")
