"""What an error may say in a record: the words that its author wrote, and never a value.

An exception's message may quote whatever was at hand: the page, an answer, the account, a token. To filter it would
be to guess. So the message is read against the source: literals of the statements that it came through are kept, and
every value between them is a hole.

    raise ValueError(f"no invoice for {email} in {page}")   →   "no invoice for … in …"
    raise failed("replay_differs")                          →   "replay_differs"

This is also how an author says something safe: write it out where it is raised.
"""

import ast
import linecache
import re
import traceback
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import TracebackType
from typing import Final

HOLE: Final = "…"
UNNAMED: Final = "unnamed"
"""A detail of an outcome of which nothing was written out."""
_SHORTEST: Final = 3  # of a literal: shorter ones could be put together to anything
_TYPE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_STATUS: Final = re.compile(r"(?<![\w.])[1-5]\d\d(?![\w.])")
_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}|%[-#0-9. +]*[a-zA-Z]")
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_NO_WORDS: Final = re.compile(r"[\W_]*")
# What is given to these is typed or kept secret, literal or not.
TYPED_INTO: Final = frozenset(
    {"fill", "type", "press_sequentially", "insert_text", "set_input_files", "select_option", "secret", "evaluate"}
)
Place = tuple[str, int]


def type_name(error: BaseException) -> str:
    """The name of its class, as long as it is a name."""
    name = type(error).__name__
    return name if _TYPE_NAME.fullmatch(name) else "Exception"


def message_of(error: BaseException) -> str:
    """Its message; "" where its own code cannot give one: whoever looks at an author's error must not end by it."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever an author's __str__ raises
        return ""


def said(error: BaseException) -> str:
    """Its type, and of its message what stands in the source: "ValueError: no invoice for …".

    The type alone when nothing does, or when it was never raised.
    """
    message = as_written(message_of(error), _places(error.__traceback__))
    kind = type_name(error)
    return f"{kind}: {message}" if message.strip(f"{HOLE} ") else kind


def said_of(message: str, error: BaseException) -> str:
    """Of a message that came with an error: what stands in the source, with holes."""
    return as_written(message, _places(error.__traceback__))


def detail_said(detail: str, error: BaseException) -> str:
    """The detail of an outcome: what of it stands in the source, or is a status. `UNNAMED` when nothing does."""
    if not detail or _STATUS.fullmatch(detail):
        return detail
    written = as_written(detail, _places(error.__traceback__))
    return written if written.strip(f"{HOLE} ") else UNNAMED


@lru_cache(maxsize=4096)
def as_written(message: str, places: tuple[Place, ...]) -> str:
    """`message` with a hole for all that is no literal of the statements at `places`, and no HTTP status."""
    return with_holes(message, [word for place in places for word in _literals_at(*place)])


def with_holes(message: str, words: Iterable[str]) -> str:
    """`message` on one line, with a hole for all that is none of `words`, and no HTTP status."""
    flat = re.sub(r"\s+", " ", _COLOURS.sub("", message))
    flats = (re.sub(r"\s+", " ", piece) for word in words for piece in _PLACEHOLDER.split(_COLOURS.sub("", word)))
    pieces = {piece for piece in flats if len(piece) >= _SHORTEST and not _NO_WORDS.fullmatch(piece)}
    if not pieces:
        return "" if not flat else HOLE
    known = re.compile("|".join(map(re.escape, sorted(pieces, key=len, reverse=True))))
    kept, end = [], 0
    for found in known.finditer(flat):
        kept += [_gap(flat[end : found.start()]), found[0]]
        end = found.end()
    return re.sub(rf"{HOLE}(?:\s*{HOLE})+", HOLE, "".join([*kept, _gap(flat[end:])])).strip()


def _gap(text: str) -> str:
    """What stands between two literals: a value, unless there is no word in it or it is a status."""
    if _NO_WORDS.fullmatch(text):
        return text
    head, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{head}{text.strip() if _STATUS.fullmatch(text.strip()) else HOLE}{tail}"


def _places(trace: TracebackType | None) -> tuple[Place, ...]:
    return tuple((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace))


@lru_cache(maxsize=2048)
def _literals_at(file: str, line: int) -> tuple[str, ...]:
    """The literals of the statement there. Not those of constants that it names: an account may be among them."""
    statement = statement_at(file, line)
    # What an assertion compares is no word of its message.
    spoken = statement.msg if isinstance(statement, ast.Assert) else statement
    if spoken is None or hasattr(spoken, "body"):
        return ()
    return tuple(literals_of(spoken))


def literals_of(node: ast.AST) -> Iterator[str]:
    """Its string literals, parts of f-strings as well; none of what is typed into a page."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        typed = isinstance(node, ast.Call) and called_name(node) in TYPED_INTO and child is not node.func
        if not typed:
            yield from literals_of(child)


@lru_cache(maxsize=64)
def messages_in(file: str) -> tuple[str, ...]:
    """The literals of all that a file raises or asserts, for an error of which only the text is left."""
    tree = _parsed(file)
    raised = [
        node for node in (ast.walk(tree) if tree is not None else ()) if isinstance(node, (ast.Raise, ast.Assert))
    ]
    spoken = [node.msg if isinstance(node, ast.Assert) else node for node in raised]
    return tuple(text for node in spoken if node is not None for text in literals_of(node))


def statement_at(file: str, line: int) -> ast.stmt | None:
    """The innermost statement that holds this line; None when the source is not there."""
    tree = _parsed(file)
    holding = [
        node
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    innermost = min(holding, key=lambda node: (node.end_lineno or node.lineno) - node.lineno, default=None)
    return None if isinstance(innermost, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else innermost


@lru_cache(maxsize=256)
def _parsed(file: str) -> ast.Module | None:
    source = "".join(linecache.getlines(file))
    try:
        return ast.parse(source) if source else None
    except (SyntaxError, ValueError):
        return None


def called_name(call: ast.Call) -> str:
    """The function's or method's own name, without what it is taken from."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""
