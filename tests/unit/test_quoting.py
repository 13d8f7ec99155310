"""A statement and an address are shown without the values in them."""

import pytest

from holdfast.quoting import address_shown, statement_shown

STATEMENTS = {
    'await page.get_by_label("Password").fill("hunter2")': "await page.get_by_label('Password').fill(…)",
    'await expect(page.get_by_role("heading", name="Hi")).to_have_text("Ann Lee", timeout=500)': (
        "await expect(page.get_by_role('heading', name='Hi')).to_have_text(…, timeout=500)"
    ),
    'await page.goto("/reset/key/3-c0ffee77/?next=x")': "await page.goto('/reset/key/…/')",
    'await page.goto(f"/reset/{account.token}")': "await page.goto(f'/reset/{account.token}')",
    'assert page == "Ann Lee", f"it said {page}"': "assert page == …, f'it said {page}'",
    'raise ValueError(f"no invoice for {email}")': "raise ValueError(f'no invoice for {email}')",
    "await page.evaluate(\"() => 'hunter2'\")": "await page.evaluate(…)",
    'value = {"password": "hunter2"}[key]': "value = {…: …}[key]",
    "async with visit.step('open'): pass": "",
}


@pytest.mark.parametrize(("written", "shown"), STATEMENTS.items())
def test_a_statement_keeps_what_finds_something_and_no_value(tmp_path, written, shown):
    path = tmp_path / "walk.py"
    path.write_text(f"async def walk(visit, page, account, email, key):\n    x = 1\n    {written}\n")
    assert statement_shown(str(path), 3).removesuffix("pass") == shown


def test_a_statement_of_many_lines_becomes_one(tmp_path):
    path = tmp_path / "walk.py"
    path.write_text(
        "async def walk(page):\n    await (\n        page\n        .get_by_text('x')\n        .click()\n    )\n"
    )
    assert {statement_shown(str(path), line) for line in range(2, 7)} == {"await page.get_by_text('x').click()"}


def test_without_the_source_there_is_no_statement(tmp_path):
    assert statement_shown(str(tmp_path / "gone.py"), 3) == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:word@host:8443/sign-in?token=abc#y", "https://host:8443/sign-in"),
        ("http://host/accounts/password/reset/key/3-f00dfeed77/", "http://host/accounts/password/reset/key/…/"),
        ("http://host/v2/accounts/Ann/invoices/0017", "http://host/v2/accounts/…/invoices/…"),
        ("http://host/p%26ss/word", "http://host/…/word"),
        ("http://host/averyveryverylongwordthatisatoken", "http://host/…"),
        ("about:blank", "about:blank"),
        ("http://[host/token", "…"),
    ],
)
def test_an_address_is_kept_without_what_may_be_secret(url, shown):
    assert address_shown(url) == shown


def test_a_statement_that_names_what_is_no_address_is_kept_all_the_same(tmp_path):
    path = tmp_path / "walk.py"
    path.write_text('async def walk(page):\n    await page.goto("http://[host/token")\n')
    assert statement_shown(str(path), 2) == "await page.goto('…')"
