"""The pages: rendering, and what every visitor sees before signing in. Server-rendered, no script.

The pages of a signed-in visitor are in `account_pages`.
"""

import importlib.resources
import math
from datetime import datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from holdfast.reference import password_reset, sign_in
from holdfast.reference.api import set_cookie
from holdfast.reference.refusal import Refusal
from holdfast.reference.requests import backends_of, read_form, user_agent
from holdfast.reference.sessions import OpenedSession

_NAVIGATION: Final = (
    ("/invoices", "Invoices"), ("/plan", "Plan"), ("/profile", "Profile"), ("/consents", "Consents"),
    ("/security", "Security"),
)  # fmt: skip
_HEADERS: Final = {
    "Cache-Control": "no-store",  # a page of somebody who signed out must not come back
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address of a reset page holds its token
    "X-Content-Type-Options": "nosniff",
}
_RESET_ANSWER: Final = "If an account exists for this address, a message is on its way."


def make_templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("holdfast.reference"), autoescape=True, auto_reload=False, trim_blocks=True
    )
    environment.filters.update(money=_money, day=_day, moment=_moment)
    return environment


def render(
    request: Request, template: str, heading: str, *, signed_in: bool = True, status: int = 200, error: str = "",
    notice: str = "", error_code: str = "", **values: object,
) -> HTMLResponse:  # fmt: skip
    """A page with its one h1 `heading`; `error` and `notice` are announced above its content. `error_code`: the API's
    word for the error, for machines that read the page."""
    templates: Environment = request.app.state.templates
    content = templates.get_template(template).render(
        heading=heading, signed_in=signed_in, error=error, notice=notice, here=request.url.path,
        navigation=_NAVIGATION, error_code=error_code, **values,
    )  # fmt: skip
    return HTMLResponse(content, status, _HEADERS)


def refused(refusal: Refusal | None) -> dict[str, Any]:
    """What `render` is told of a refusal; nothing when there is none."""
    return {"status": refusal.status, "error": refusal.message, "error_code": refusal.code} if refusal else {}


def go_to(path: str) -> RedirectResponse:
    """Answer a form: the browser asks for `path` next."""
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def refusal_page(request: Request, refusal: Refusal) -> Response:
    """What a person sees who was refused; somebody who is not signed in is sent to sign in."""
    if refusal.code == "not_signed_in":
        return go_to("/sign-in" if request.url.path == "/account" else f"/sign-in?next={request.url.path}")
    heading = "Page not found" if refusal.status == 404 else "This did not work"
    return render(request, "problem.html", heading, signed_in=False, status=refusal.status, message=refusal.message,
                  error_code=refusal.code)  # fmt: skip


async def home(_: Request) -> Response:
    return go_to("/account")


async def show_sign_in(request: Request) -> Response:
    return _sign_in_page(request, next_path=request.query_params.get("next", ""))


async def submit_sign_in(request: Request) -> Response:
    form = await read_form(request)
    email, next_path = form.get("email", ""), form.get("next", "")
    try:
        outcome = await sign_in.sign_in(backends_of(request), email, form.get("password", ""), user_agent(request))
    except Refusal as refusal:
        return _with_retry(_sign_in_page(request, next_path, email, refusal), refusal)
    if isinstance(outcome, OpenedSession):
        return _signed_in(outcome, next_path)
    return go_to(f"/sign-in/code?challenge={outcome.id}" + (f"&next={_local(next_path)}" if next_path else ""))


async def show_code(request: Request) -> Response:
    challenge, next_path = request.query_params.get("challenge", ""), request.query_params.get("next", "")
    return _code_page(request, challenge, next_path) if challenge else go_to("/sign-in")


async def submit_code(request: Request) -> Response:
    form = await read_form(request)
    challenge, next_path = form.get("challenge", ""), form.get("next", "")
    try:
        opened = await sign_in.submit_code(backends_of(request), challenge, form.get("code", ""), user_agent(request))
    except Refusal as refusal:
        return _with_retry(_code_page(request, challenge, next_path, refusal), refusal)
    return _signed_in(opened, next_path)


async def show_forgot_password(request: Request) -> Response:
    return render(request, "forgot_password.html", "Forgot your password?", signed_in=False)


async def submit_forgot_password(request: Request) -> Response:
    form = await read_form(request)
    heading = "Forgot your password?"
    try:
        await password_reset.request_reset(backends_of(request), form.get("email", ""))
    except Refusal as refusal:
        page = render(
            request,
            "forgot_password.html",
            heading,
            signed_in=False,
            status=refusal.status,
            error=refusal.message,
            error_code=refusal.code,
        )
        return _with_retry(page, refusal)
    return render(request, "forgot_password.html", heading, signed_in=False, notice=_RESET_ANSWER)


async def show_reset_password(request: Request) -> Response:
    return _reset_page(request, request.query_params.get("token", ""))


async def submit_reset_password(request: Request) -> Response:
    form = await read_form(request)
    token = form.get("token", "")
    try:
        await password_reset.complete_reset(backends_of(request), token, form.get("password", ""))
    except Refusal as refusal:
        return _with_retry(_reset_page(request, token, refusal), refusal)
    return render(request, "password_changed.html", "Password changed", signed_in=False)


async def style_sheet(request: Request) -> Response:
    return Response(request.app.state.style, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


def read_style() -> str:
    return (importlib.resources.files("holdfast.reference") / "templates" / "style.css").read_text(encoding="utf-8")


def _signed_in(opened: OpenedSession, next_path: str) -> Response:
    response = go_to(_local(next_path))
    set_cookie(response, opened)
    return response


def _local(path: str) -> str:
    """Where to go next: one of our own pages, whatever a link to the sign-in page says."""
    return path if path in dict(_NAVIGATION) else "/account"


def _sign_in_page(request: Request, next_path: str, email: str = "", refusal: Refusal | None = None) -> HTMLResponse:
    return render(
        request, "sign_in.html", "Sign in", signed_in=False, **refused(refusal), email=email, next=next_path,
    )  # fmt: skip


def _code_page(request: Request, challenge: str, next_path: str, refusal: Refusal | None = None) -> HTMLResponse:
    return render(
        request, "code.html", "Enter your code", signed_in=False, **refused(refusal), challenge=challenge,
        next=next_path,
    )  # fmt: skip


def _reset_page(request: Request, token: str, refusal: Refusal | None = None) -> HTMLResponse:
    return render(
        request, "reset_password.html", "Choose a new password", signed_in=False,
        **refused(refusal), token=token,
    )  # fmt: skip


def _with_retry(response: Response, refusal: Refusal) -> Response:
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(refusal.retry_after))
    return response


def _money(cents: int) -> str:
    return f"€{cents / 100:,.2f}"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


PUBLIC_PAGES: Final = (
    Route("/", home),
    Route("/style.css", style_sheet),
    Route("/sign-in", show_sign_in),
    Route("/sign-in", submit_sign_in, methods=["POST"]),
    Route("/sign-in/code", show_code),
    Route("/sign-in/code", submit_code, methods=["POST"]),
    Route("/forgot-password", show_forgot_password),
    Route("/forgot-password", submit_forgot_password, methods=["POST"]),
    Route("/reset-password", show_reset_password),
    Route("/reset-password", submit_reset_password, methods=["POST"]),
)
