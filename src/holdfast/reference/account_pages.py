"""The pages of a signed-in visitor: account, invoices, plan, profile, consents, security."""

import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.reference import account, billing, plan_change, sessions
from holdfast.reference.pages import go_to, refused, render
from holdfast.reference.plans import PLANS, find_plan
from holdfast.reference.refusal import Refusal
from holdfast.reference.requests import COOKIE, backends_of, find_visitor, read_form, require_visitor
from holdfast.reference.sessions import Session


async def show_account(request: Request) -> Response:
    session = await require_visitor(request)
    found = await account.read_account(backends_of(request), session.account_id)
    return render(request, "account.html", "Your account", account=found, plan=find_plan(found.plan) or PLANS[0])


async def sign_out(request: Request) -> Response:
    await read_form(request)
    session = await find_visitor(request)
    if session is not None:
        await sessions.revoke_session(backends_of(request), session.account_id, session.id)
    response = go_to("/sign-in")
    response.delete_cookie(COOKIE)
    return response


async def show_invoices(request: Request) -> Response:
    session = await require_visitor(request)
    answer = await billing.list_invoices(backends_of(request), session.account_id)
    return render(request, "invoices.html", "Invoices", invoices=answer.document["invoices"])


async def show_invoice(request: Request) -> Response:
    session = await require_visitor(request)
    answer = await billing.show_invoice(backends_of(request), session.account_id, request.path_params["invoice"])
    return render(request, "invoice.html", f"Invoice {answer.document['period']}", invoice=answer.document)


async def show_plan(request: Request) -> Response:
    return await _plan_page(request, await require_visitor(request))


async def submit_plan(request: Request) -> Response:
    session = await require_visitor(request)
    form = await read_form(request)
    try:
        # The key came with the form: sent twice by an impatient click, it still changes the plan once.
        key = plan_change.check_key(form.get("idempotency_key"))
        await plan_change.change_plan(backends_of(request), session, form.get("plan", ""), key)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return await _plan_page(request, session, refusal)
    return await _plan_page(request, session, notice="Your plan was changed.")


async def show_profile(request: Request) -> Response:
    session = await require_visitor(request)
    found = await account.read_account(backends_of(request), session.account_id)
    return render(request, "profile.html", "Profile", name=found.name, phone=found.phone)


async def submit_profile(request: Request) -> Response:
    session = await require_visitor(request)
    form = await read_form(request)
    name, phone = form.get("name", ""), form.get("phone", "")
    try:
        await account.update_profile(backends_of(request), session.account_id, name, phone)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return render(
            request, "profile.html", "Profile", status=refusal.status, error=refusal.message, name=name, phone=phone
        )
    return render(request, "profile.html", "Profile", notice="Saved.", name=name, phone=phone)


async def erase(request: Request) -> Response:
    session = await require_visitor(request)
    if (await read_form(request)).get("sure") != "yes":
        return go_to("/profile")
    await account.erase_account(backends_of(request), session.account_id)
    response = render(
        request, "problem.html", "Account erased", signed_in=False, message="Nothing personal of yours is left here."
    )
    response.delete_cookie(COOKIE)
    return response


async def show_consents(request: Request) -> Response:
    session = await require_visitor(request)
    found = await account.read_account(backends_of(request), session.account_id)
    return render(request, "consents.html", "Consents", marketing=found.marketing, analytics=found.analytics)


async def submit_consents(request: Request) -> Response:
    session = await require_visitor(request)
    form = await read_form(request)
    marketing, analytics = "marketing" in form, "analytics" in form
    await account.update_consents(backends_of(request), session.account_id, marketing, analytics)
    return render(request, "consents.html", "Consents", notice="Saved.", marketing=marketing, analytics=analytics)


async def show_security(request: Request) -> Response:
    session = await require_visitor(request)
    backends = backends_of(request)
    found = await sessions.list_sessions(backends, session.account_id)
    events = await account.list_audit_events(backends, session.account_id)
    return render(request, "security.html", "Security", sessions=found, current=session.id, events=events)


async def revoke(request: Request) -> Response:
    session = await require_visitor(request)
    ended = (await read_form(request)).get("session", "")
    await sessions.revoke_session(backends_of(request), session.account_id, ended)
    return go_to("/sign-in" if ended == session.id else "/security")


async def _plan_page(request: Request, session: Session, refusal: Refusal | None = None, notice: str = "") -> Response:
    backends = backends_of(request)
    found = await account.read_account(backends, session.account_id)
    changes = await plan_change.list_plan_changes(backends, session.account_id)
    return render(
        request, "plan.html", "Plan", **refused(refusal), notice=notice, plans=PLANS, current=found.plan,
        changes=changes,
        key=secrets.token_urlsafe(16), sign_in_again=refusal is not None and refusal.code == "fresh_factor_required",
    )  # fmt: skip


ACCOUNT_PAGES: Final = (
    Route("/account", show_account),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/invoices", show_invoices),
    Route("/invoices/{invoice}", show_invoice),
    Route("/plan", show_plan),
    Route("/plan", submit_plan, methods=["POST"]),
    Route("/profile", show_profile),
    Route("/profile", submit_profile, methods=["POST"]),
    Route("/profile/erase", erase, methods=["POST"]),
    Route("/consents", show_consents),
    Route("/consents", submit_consents, methods=["POST"]),
    Route("/security", show_security),
    Route("/security/revoke", revoke, methods=["POST"]),
)
