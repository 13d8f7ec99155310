"""A customer who changes the plan over a shaky line: the app sends the change, hears nothing, and sends it again.

The same idempotency key must give the same change, not a second one. The account moves between the two first plans, so
that it can be used again for ever.
"""

from uuid import uuid4

from locust import task

from holdfast.kit.outcome import failed
from holdfast.load import Visitor


class PlanChange(Visitor):
    @task
    def change_the_plan(self) -> None:
        with self.step("sign_in"):
            self.service.sign_in(self.account)
        key = str(uuid4())
        with self.step("change_plan"):
            present = self.service.current_plan()
            wished = next((plan.id for plan in self.service.list_plans()[:2] if plan.id != present), None)
            if wished is None:
                raise failed("no_other_plan")
            change = self.service.change_plan(wished, key)
        with self.step("replay_change"):
            again = self.service.change_plan(wished, key)
            if again.id != change.id:
                raise failed("changed_twice")
