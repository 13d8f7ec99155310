"""A customer with a second factor who wants to see the latest bill: signs in, opens the newest invoice, signs out."""

from playwright.async_api import expect

from holdfast.synthetics import journey


@journey(every="5m", budget="8s", owner="identity", runbook="docs/runbooks/sign-in.md")
async def sign_in_and_read_invoice(visit):
    page, account = visit.page, visit.account

    async with visit.step("open sign-in"):
        await page.goto("/sign-in")
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()

    async with visit.step("enter password"):
        await page.get_by_label("Email").fill(account.email)
        await page.get_by_label("Password").fill(account.password)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_label("Authentication code")).to_be_visible()

    async with visit.step("enter code"):
        await page.get_by_label("Authentication code").fill(await visit.code())
        await page.get_by_role("button", name="Verify").click()
        await expect(page.get_by_role("heading", name="Your account", level=1)).to_be_visible()

    async with visit.step("list invoices"):
        await page.get_by_role("link", name="Invoices", exact=True).click()
        await expect(page.get_by_role("heading", name="Invoices", level=1)).to_be_visible()
        await expect(page.get_by_role("table").get_by_role("link").first).to_be_visible()

    async with visit.step("open newest invoice"):
        await page.get_by_role("table").get_by_role("link").first.click()
        await expect(page.get_by_role("heading", name="Invoice ", level=1)).to_be_visible()

    async with visit.step("sign out"):
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
