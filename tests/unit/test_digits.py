"""Numbers in text: what no program writes is no number, and no reader breaks on it."""

import re
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

import holdfast
from holdfast.cli.numbers import Finite
from holdfast.digits import number, whole
from holdfast.errors import HoldfastError
from holdfast.load import naming
from holdfast.load.cookies import cookie_date
from holdfast.load.pressure import steal_of, throttling_of
from holdfast.load.request import _seconds
from holdfast.proxy.address import parse_address
from holdfast.proxy.http import MalformedRequestError, _number
from holdfast.run.workers import address_of
from holdfast.slo.moment import exact_moment, moment
from holdfast.slo.sources.csv_file import _number as cell
from holdfast.slo.window import parse_window
from holdfast.workspace.access_log import moment as logged
from holdfast.workspace.curve import _offset, _rate
from holdfast.workspace.quantity import per_second, seconds

SOURCE = Path(holdfast.__file__).parent
ODD = [
    "²", " ²", "1²", "１２", "١٢", "५", "①", "½", "1_000", "1__0", "+5", "-0", "0x10", "1e999", "nan", "inf", "1e",
    "-Infinity", ".", "", "9" * 400, "9" * 5000, "1\n", "\u00a05", "1.5.2", "--1",
]  # fmt: skip
STRANGE = st.one_of(st.sampled_from(ODD), st.text(max_size=12))


@given(STRANGE)
def test_a_whole_number_is_ascii_digits_and_nothing_else(text):
    found = whole(text)
    assert found is None or (text.isascii() and text.isdigit() and found == int(text) and len(text) <= 18)
    assert found is not None or not (text.isascii() and text.isdigit() and len(text) <= 18)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0.0), ("-1.5", -1.5), ("+2", 2.0), (".5", 0.5), ("2.", 2.0), ("1e3", 1e3)]
)
def test_a_number_is_read_as_programs_write_it(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "1_000", "１２", " 5", "5 ", "", ".", "e3", "0x10", "9" * 400])
def test_what_is_not_finite_or_not_ascii_is_no_number(text):
    assert number(text) is None


READERS = {
    "ticks": lambda text: steal_of(f"cpu {text} 2 3 4 5 6 7 {text}"),
    "throttled": lambda text: throttling_of(f"nr_periods {text}\nnr_throttled {text}\nthrottled_usec {text}"),
    "wait": _seconds,
    "path": naming.without_identifiers,
    "cookie": cookie_date,
    "link": parse_address,
    "link's port": lambda text: parse_address(f"127.0.0.1:{text}"),
    "worker": lambda text: address_of(f"127.0.0.1:{text}", "--join"),
    "length": lambda text: _number(text.encode(), 10),
    "chunk": lambda text: _number(text.encode(), 16),
    "cell": cell,
    "log": logged,
    "offset": _offset,
    "rate": _rate,
    "rate's unit": lambda text: per_second(f"{text}/s"),
    "duration": lambda text: seconds(f"{text}s"),
    "at": exact_moment,
    "moment": moment,
    "window": lambda text: parse_window(f"{text}d"),
    "option": lambda text: Finite(0, 1).convert(text, None, None),
}


@pytest.mark.parametrize("reader", READERS)
@given(text=STRANGE)
def test_every_reader_returns_a_number_or_its_own_refusal(reader, text):
    said = _refusal(READERS[reader], text)
    assert said is None or (said and not any(words in said for words in PYTHONS_OWN))


PYTHONS_OWN = ("invalid literal", "could not convert", "Exceeds the limit")


def _refusal(reader, text):
    """What a reader says when it refuses, in one of the ways that readers promise; None when it does not."""
    try:
        reader(text)
    except (HoldfastError, MalformedRequestError, click.BadParameter, ValueError) as refused:
        return str(refused)
    return None


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_an_option_within_bounds_is_a_number(text):
    with pytest.raises(click.BadParameter):
        Finite(0, 1).convert(text, None, None)
    with pytest.raises(click.BadParameter):
        Finite(min=0, min_open=True).convert(text, None, None)


@pytest.mark.parametrize("text", ["１２", "1_000", "+5", "²", "inf", "nan"])
def test_what_int_and_float_would_have_taken_is_refused(text):
    assert throttling_of(f"nr_periods {text}\nthrottled_usec 5") is None
    assert cell(text) is None or text in {"+5", "inf"}
    assert exact_moment(text) is None or text == "+5"
    assert "is not" in _refusal(seconds, f"{text}s")
    assert "is not" in _refusal(per_second, f"{text}/s")
    assert "invalid port" in _refusal(parse_address, f"127.0.0.1:{text}")
    with pytest.raises(MalformedRequestError):
        _number(text.encode(), 10)


@pytest.mark.parametrize(("digits", "told"), [(400, []), (5000, ["profile.yaml:2  scale"])])
def test_a_number_of_thousands_of_digits_in_a_file_is_told_at_its_line(tmp_path, digits, told):
    from holdfast.workspace.document import load_documents

    path = tmp_path / "profile.yaml"
    path.write_text(f"kind: LoadProfile\nscale: {'9' * digits}\n")
    documents, problems = load_documents(path)
    assert [document.data.get("scale") for document in documents] == [None if told else 10**digits - 1]
    assert [problem.where.rpartition("/")[2] for problem in problems] == told
    assert ["cannot be read" in problem.what for problem in problems] == [True] * len(told)


def test_no_reader_asks_a_text_whether_it_is_a_digit():
    """`isdigit`, `isdecimal` and `isnumeric` hold of what `int` refuses; beside `isascii` they do not."""
    asked = re.compile(r"\.is(digit|decimal|numeric)\(")
    found = [
        f"{path.relative_to(SOURCE)}:{number}"
        for path in SOURCE.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if asked.search(line) and "isascii" not in line
    ]
    assert found == []
