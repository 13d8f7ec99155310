"""An app left open: it signs in once and renews its session again and again, each time ending the one before.

The renewed session must be the present one, and the old one gone.
"""

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class SessionRefresh(Visitor):
    @task
    def stay_signed_in(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        for _ in range(3):
            with self.step("refresh"):
                old = next((session.id for session in self.service.list_sessions() if session.current), None)
                fresh = self.service.refresh_session()
            with self.step("check_sessions"):
                live = {session.id: session.current for session in self.service.list_sessions()}
                if old in live or not live.get(fresh.id):
                    raise failed("not_rotated")
