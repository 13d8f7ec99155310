"""A statement and an address, shown without the values in them.

await page.get_by_label("Password").fill("hunter2")     →  await page.get_by_label('Password').fill(…)
https://me:word@host/reset/key/3-f00dfeed/?next=x#y     →  https://host/reset/key/…/
"""

import ast
import copy
import re
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from holdfast.wording import HOLE, TYPED_INTO, called_name, statement_at

# What these are given finds something on a page, or is waited for, or is an outcome: the author's own words for it.
_FINDING: Final = frozenset(
    {
        *("get_by_role", "get_by_label", "get_by_text", "get_by_placeholder", "get_by_test_id", "get_by_title"),
        *("get_by_alt_text", "locator", "frame_locator", "filter", "nth", "wait_for_selector", "wait_for"),
        *("goto", "wait_for_url", "step", "message", "failed", "challenged"),
    }
)
_LONGEST: Final = 240
_MARK: Final = "hole in a statement"
# A part of a path that a site gives a name: lower-case words, or a version. Anything else may be a token or a person.
_NAMED_PART: Final = re.compile(r"(?:[a-z]{1,20}[-_.]){0,3}[a-z]{1,20}|v\d{1,2}")


def statement_shown(file: str, line: int) -> str:
    """The statement there as its author wrote it, on one line, with a hole for every literal that finds nothing on a
    page and is no message; "" when it is no simple one, or the source is not there."""
    statement = statement_at(file, line)
    if statement is None or hasattr(statement, "body"):
        return ""
    shown = ast.unparse(_Showing().visit(copy.deepcopy(statement)))
    return " ".join(shown.replace(f"'{_MARK}'", HOLE).split())[:_LONGEST]


def address_shown(url: str) -> str:
    """An address without user, query and fragment, and with a hole for every part of its path that is not a plain word:
    they hold tokens and names. All of it is a hole where it is no address."""
    try:
        parts = urlsplit(url)
    except ValueError:  # "http://[x/"
        return HOLE
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path_shown(parts.path), "", ""))


def path_shown(path: str) -> str:
    return "/".join(part if not part or _NAMED_PART.fullmatch(part) else HOLE for part in path.split("/"))


class _Showing(ast.NodeTransformer):
    """Puts the mark in place of literals that may be values."""

    def __init__(self) -> None:
        self._kept = False

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, (str, bytes)):
            return node
        if not self._kept or isinstance(node.value, bytes):
            return ast.Constant(_MARK)
        text = node.value
        is_address = "://" in text or text.startswith("/")
        return ast.Constant(address_shown(text)) if is_address else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return self.generic_visit(node) if self._kept else ast.Constant(_MARK)

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        node.exc = self._within(node.exc, kept=True)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.Assert:
        node.test = self._within(node.test, kept=False)
        node.msg = self._within(node.msg, kept=True)
        return node

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.func = self.visit(node.func)
        called = called_name(node)
        kept = called in _FINDING or (self._kept and called not in TYPED_INTO)
        node.args = [self._within(one, kept=kept) for one in node.args]
        for keyword in node.keywords:
            keyword.value = self._within(keyword.value, kept=kept)
        return node

    def _within(self, node: Any, *, kept: bool) -> Any:
        before, self._kept = self._kept, kept
        try:
            return None if node is None else self.visit(node)
        finally:
            self._kept = before
