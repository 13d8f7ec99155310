"""A customer who forgot the password: asks for a reset, follows the link in the message, signs in with a new one."""

from playwright.async_api import expect

from holdfast.synthetics import journey


@journey(every="10m", budget="12s", owner="identity", runbook="docs/runbooks/password-reset.md")
async def reset_password(visit):
    page, account = visit.page, visit.account
    new_password = visit.new_password()

    async with visit.step("ask for reset"):
        await ask_for_reset(page, account.email)

    async with visit.step("read message"):
        message = await visit.message("password_reset")

    visit.clean_up(set_back, visit)
    async with visit.step("set new password"):
        await set_password(page, message.token, new_password)

    async with visit.step("sign in with it"):
        await page.goto("/sign-in")
        await page.get_by_label("Email").fill(account.email)
        await page.get_by_label("Password").fill(new_password)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", name="Your account", level=1)).to_be_visible()


async def set_back(visit):
    """The account's own password again, the way a customer would do it."""
    await ask_for_reset(visit.page, visit.account.email)
    message = await visit.message("password_reset")
    await set_password(visit.page, message.token, visit.account.password)


async def ask_for_reset(page, email):
    await page.goto("/forgot-password")
    await page.get_by_label("Email").fill(email)
    await page.get_by_role("button", name="Send reset link").click()
    await expect(page.get_by_text("a message is on its way")).to_be_visible()


async def set_password(page, token, password):
    await page.goto(f"/reset-password?token={token}")
    await page.get_by_label("New password").fill(password)
    await page.get_by_role("button", name="Set new password").click()
    await expect(page.get_by_role("heading", name="Password changed", level=1)).to_be_visible()
