"""A customer without a second factor: the password is all there is."""

from locust import task

from holdfast.load import Visitor


class SignInPassword(Visitor):
    mfa = False

    @task
    def look_in(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("read_profile"):
            self.service.read_profile()
