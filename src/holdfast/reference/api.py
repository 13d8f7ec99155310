"""The JSON API, version 2, and what is left of version 1. Requests in, JSON out; the work is done elsewhere."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.reference import account, billing, password_reset, plan_change, sessions, sign_in
from holdfast.reference.account import Account
from holdfast.reference.plans import PLANS
from holdfast.reference.requests import COOKIE, backends_of, read_json, require_visitor, user_agent
from holdfast.reference.sessions import OpenedSession


async def open_session(request: Request) -> Response:
    body = await read_json(request)
    email, password = body.text("email"), body.text("password")
    outcome = await sign_in.sign_in(backends_of(request), email, password, user_agent(request))
    if isinstance(outcome, OpenedSession):
        return _opened(outcome)
    return JSONResponse({"challenge": "totp", "challenge_id": outcome.id})


async def answer_challenge(request: Request) -> Response:
    code = (await read_json(request)).text("code")
    challenge = request.path_params["challenge"]
    return _opened(await sign_in.submit_code(backends_of(request), challenge, code, user_agent(request)))


async def list_sessions(request: Request) -> Response:
    session = await require_visitor(request)
    found = await sessions.list_sessions(backends_of(request), session.account_id)
    return JSONResponse(
        {
            "sessions": [
                {
                    "id": one.id, "current": one.id == session.id, "created_at": one.created_at.isoformat(),
                    "expires_at": one.expires_at.isoformat(), "user_agent": one.user_agent,
                }
                for one in found
            ]
        }
    )  # fmt: skip


async def end_session(request: Request) -> Response:
    session = await require_visitor(request)
    wanted = request.path_params["session"]
    ended = session.id if wanted == "current" else wanted
    await sessions.revoke_session(backends_of(request), session.account_id, ended)
    response = Response(status_code=204)
    if ended == session.id:
        response.delete_cookie(COOKIE)
    return response


async def refresh_session(request: Request) -> Response:
    return _opened(await sessions.refresh_session(backends_of(request), await require_visitor(request)))


async def sign_up(request: Request) -> Response:
    body = await read_json(request)
    await account.sign_up(backends_of(request), body.text("email"), body.text("password"))
    return JSONResponse({}, status_code=202)


async def request_reset(request: Request) -> Response:
    await password_reset.request_reset(backends_of(request), (await read_json(request)).text("email"))
    return JSONResponse({}, status_code=202)


async def complete_reset(request: Request) -> Response:
    password = (await read_json(request)).text("password")
    await password_reset.complete_reset(backends_of(request), request.path_params["token"], password)
    return Response(status_code=204)


async def show_account(request: Request) -> Response:
    session = await require_visitor(request)
    return JSONResponse(_account(await account.read_account(backends_of(request), session.account_id)))


async def update_profile(request: Request) -> Response:
    session = await require_visitor(request)
    body = await read_json(request)
    name, phone = body.optional_text("name"), body.optional_text("phone")
    return JSONResponse(_account(await account.update_profile(backends_of(request), session.account_id, name, phone)))


async def erase_account(request: Request) -> Response:
    session = await require_visitor(request)
    await account.erase_account(backends_of(request), session.account_id)
    response = JSONResponse({}, status_code=202)
    response.delete_cookie(COOKIE)
    return response


async def list_invoices(request: Request) -> Response:
    session = await require_visitor(request)
    return _billed(await billing.list_invoices(backends_of(request), session.account_id))


async def show_invoice(request: Request) -> Response:
    session = await require_visitor(request)
    invoice = request.path_params["invoice"]
    return _billed(await billing.show_invoice(backends_of(request), session.account_id, invoice))


async def list_plans(_: Request) -> Response:
    return JSONResponse({"plans": [asdict(plan) for plan in PLANS]})


async def change_plan(request: Request) -> Response:
    session = await require_visitor(request)
    key = plan_change.check_key(request.headers.get("idempotency-key"))
    plan = (await read_json(request)).text("plan")
    outcome = await plan_change.change_plan(backends_of(request), session, plan, key)
    headers = {"Idempotent-Replay": "true"} if outcome.replayed else None
    return Response(outcome.body, outcome.status, headers, "application/json")


async def list_plan_changes(request: Request) -> Response:
    session = await require_visitor(request)
    found = await plan_change.list_plan_changes(backends_of(request), session.account_id)
    return JSONResponse(
        {
            "plan_changes": [
                {
                    "id": one.id, "plan": one.plan, "previous_plan": one.previous_plan, "status": "applied",
                    "created_at": one.created_at.isoformat(),
                }
                for one in found
            ]
        }
    )  # fmt: skip


async def show_consents(request: Request) -> Response:
    session = await require_visitor(request)
    found = await account.read_account(backends_of(request), session.account_id)
    return JSONResponse({"marketing": found.marketing, "analytics": found.analytics})


async def update_consents(request: Request) -> Response:
    session = await require_visitor(request)
    body = await read_json(request)
    marketing, analytics = body.flag("marketing"), body.flag("analytics")
    await account.update_consents(backends_of(request), session.account_id, marketing, analytics)
    return JSONResponse({"marketing": marketing, "analytics": analytics})


async def list_audit_events(request: Request) -> Response:
    session = await require_visitor(request)
    found = await account.list_audit_events(backends_of(request), session.account_id)
    return JSONResponse(
        {
            "events": [
                {"id": event.id, "at": event.at.isoformat(), "kind": event.kind, "facts": event.facts}
                for event in found
            ]
        }
    )


async def log_in_v1(request: Request) -> Response:
    body = await read_json(request)
    opened = await sign_in.sign_in_at_once(
        backends_of(request), body.text("email"), body.text("password"), body.optional_text("code"), user_agent(request)
    )
    return JSONResponse({"token": opened.token})


def _opened(opened: OpenedSession) -> Response:
    session = opened.session
    response = JSONResponse(
        {"session": {"id": session.id, "expires_at": session.expires_at.isoformat()}}, status_code=201
    )
    set_cookie(response, opened)
    return response


def set_cookie(response: Response, opened: OpenedSession) -> None:
    """Not `Secure`: the stack speaks plain HTTP on the loopback."""
    age = int((opened.session.expires_at - opened.session.created_at).total_seconds())
    response.set_cookie(COOKIE, opened.token, max_age=age, httponly=True, samesite="lax")


def _account(found: Account) -> dict[str, object]:
    return {
        "email": found.email, "name": found.name, "phone": found.phone, "plan": found.plan, "mfa": found.mfa,
        "created_at": found.created_at.isoformat(),
    }  # fmt: skip


def _billed(answer: billing.Answer) -> Response:
    """`Age` (RFC 9111) says how old the partner's word is."""
    return JSONResponse(answer.document, headers={"Age": str(int(answer.age))})


API_ROUTES = (
    Route("/v2/sessions", open_session, methods=["POST"]),
    Route("/v2/sessions", list_sessions),
    Route("/v2/sessions/challenges/{challenge}", answer_challenge, methods=["POST"]),
    Route("/v2/sessions/current/refresh", refresh_session, methods=["POST"]),
    Route("/v2/sessions/{session}", end_session, methods=["DELETE"]),
    Route("/v2/password-resets", request_reset, methods=["POST"]),
    Route("/v2/password-resets/{token}", complete_reset, methods=["POST"]),
    Route("/v2/accounts", sign_up, methods=["POST"]),
    Route("/v2/account", show_account),
    Route("/v2/account", erase_account, methods=["DELETE"]),
    Route("/v2/account/profile", update_profile, methods=["PATCH"]),
    Route("/v2/invoices", list_invoices),
    Route("/v2/invoices/{invoice}", show_invoice),
    Route("/v2/plans", list_plans),
    Route("/v2/plan-changes", change_plan, methods=["POST"]),
    Route("/v2/plan-changes", list_plan_changes),
    Route("/v2/consents", show_consents),
    Route("/v2/consents", update_consents, methods=["PUT"]),
    Route("/v2/audit-events", list_audit_events),
    Route("/v1/login", log_in_v1, methods=["POST"]),
    Route("/v1/account", show_account),
    Route("/v1/invoices", list_invoices),
)
