"""A customer with a new phone: signs in, reads the profile, writes the number down, and finds it saved."""

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class ProfileUpdate(Visitor):
    @task
    def note_the_number(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        with self.step("read_profile"):
            profile = self.service.read_profile()
            if profile.email != self.account.email:
                raise failed("another_account")
        with self.step("update_profile"):
            phone = "+49 30 901820" if profile.phone.endswith("1") else "+49 30 901821"
            if self.service.update_profile(phone=phone).phone != phone:
                raise failed("not_saved")
