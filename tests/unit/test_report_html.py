"""The page opens with no network, lets nothing in that a file or a target said, and answers first."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from tests.unit.report_samples import (
    HOSTILE,
    VARIANTS,
    all_met,
    clean_up_failed,
    fault_hurt,
    hostile,
    invalid_generator,
    no_data,
)

from holdfast.report.html import render

VOID = {"meta", "br", "img", "wbr", "link", "input", "hr", "rect"}


class Page(HTMLParser):
    """Elements, their attributes, their text; and whether every one was closed where it must be."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts, self.scripts, self.styles = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        if "script" in self.open:
            self.scripts.append((self.elements[-1][1], data))
        elif "style" in self.open:
            self.styles.append(data)
        else:
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts).replace("\u202f", " "))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def hurt():
    return Page(render(fault_hurt()))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_sample_is_a_well_formed_page(variant):
    page = Page(render(VARIANTS[variant]()))
    assert page.open == []
    assert VARIANTS[variant]().answers[0].question[:10] in page.text.replace("\ufffd", "\x00")


def test_the_page_loads_nothing_from_elsewhere(hurt):
    loaded = [a[key] for tag, a in hurt.elements for key in ("src", "srcset", "data", "poster", "action") if key in a]
    assert all(address.startswith("evidence/") for address in loaded)
    assert not hurt.all("link")
    assert not hurt.all("base")
    style = "".join(hurt.styles)
    assert "@import" not in style
    assert "url(" not in style


def test_links_lead_into_the_page_or_the_run_folder(hurt):
    assert all(link["href"].startswith(("#", "evidence/")) for link in hurt.all("a"))


def test_the_page_is_small_enough_to_send():
    assert len(render(fault_hurt()).encode()) < 2_500_000


def test_its_policy_names_exactly_its_own_scripts_and_style(hurt):
    policy = next(a["content"] for a in hurt.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    scripts = [text for attributes, text in hurt.scripts if attributes.get("type") != "application/json"]
    for text in [*scripts, *hurt.styles]:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_nothing_is_styled_or_handled_inline(hurt):
    for _, attributes in hurt.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_hostile_texts_stay_texts():
    page = Page(render(hostile()))
    assert len(page.all("script")) == 3
    assert HOSTILE in page.text
    assert not [a for a in page.all("a") if a["href"].startswith(("javascript:", "//", "..", "/"))]
    assert not [a for a in page.all("img") if not a["src"].startswith("evidence/")]
    assert "\x1b" not in "".join(page.texts)


def test_names_of_evidence_files_are_quoted():
    page = Page(render(hostile()))
    assert "evidence/a%20b%23%3F.png" in {a["href"] for a in page.all("a")}


def test_the_charts_data_cannot_end_its_script():
    page = Page(render(hostile()))
    data = next(text for attributes, text in page.scripts if attributes.get("type") == "application/json")
    assert "<" not in data
    assert set(json.loads(data)) == {"timeline", "budget", "capacity", "sizing"}


def test_headings_are_in_order(hurt):
    levels = [int(tag[1]) for tag, _ in hurt.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_tables_have_captions_and_their_headers_a_scope(hurt):
    assert len(hurt.all("caption")) == len(hurt.all("table"))
    assert all("scope" in attributes for attributes in hurt.all("th"))


def test_pictures_have_an_alternative_in_text(hurt):
    charts = [a for a in hurt.all("div") if "data-chart" in a]
    assert len(charts) == 4
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    assert all(a["alt"] for a in hurt.all("img"))


def test_ids_are_there_once(hurt):
    ids = [attributes["id"] for _, attributes in hurt.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_verdict_is_always_said_in_words(hurt):
    for said in ("✕ missed", "✓ met", "? inconclusive", "✕ deviated", "✓ clean-up done"):
        assert said in hurt.text


def test_the_answers_stand_before_the_figures(hurt):
    assert hurt.text.index("Was every objective met?") < hurt.text.index("Each objective in each phase")


def test_what_was_missed_is_explained_in_text_not_only_on_hover(hurt):
    assert "At most 91.9 % with 95 % confidence, below 99.9 %." in hurt.text


def test_the_time_of_the_ok_ones_stands_beneath_that_of_all_where_not_all_were(hurt):
    assert "182 ms ok 218 ms" in hurt.text
    assert "ok 218 ms" not in Page(render(all_met())).text


def test_a_part_that_did_not_run_says_why():
    text = Page(render(no_data())).text
    for reason in (
        "the plan names no load",
        "the plan names no journeys",
        "the plan names no experiment",
        "the plan asks no sizing question",
        "no baseline run was named",
        "no audit was asked for",
    ):
        assert reason in text


@pytest.mark.parametrize(
    "absent",
    [
        {"load": None, "load_reason": "x"},
        {"journeys": (), "journeys_reason": "x"},
        {"faults": (), "faults_reason": "x"},
        {"capacity": None, "capacity_reason": "x"},
        {"capacity": replace(all_met().capacity, sizing=None, low=None, high=None, stated=None, probes=())},
        {"objectives": ()},
        {"answers": ()},
        {"notices": ()},
        {"audits": ({"name": "double_charges", "verdict": "met"},)},
        {"timeline": replace(all_met().timeline, phases=(), faults=(), journeys=(), gauges={}, budget_left={})},
    ],
)
def test_every_part_may_be_absent(absent):
    assert Page(render(replace(all_met(), **absent))).open == []


def _folded(text):
    """By section: the line that it folds to."""
    found = re.findall(r'<section id="(\w+)" class="folds".*?<span class="result">(.*?)</summary>', text, re.DOTALL)
    return {name: re.sub(r"<[^>]+>", "", line).replace("\u202f", " ").strip() for name, line in found}


def test_what_is_all_green_folds_to_a_line_that_says_its_result():
    sample = all_met()
    load = sample.load
    assert load is not None
    whole = replace(
        sample,
        load=replace(load, unfinished=0, finished=2395, funnels=()),
        timeline=replace(sample.timeline),
        journeys=tuple(replace(j, funnel=replace(j.funnel, outside=0, completed=22)) for j in sample.journeys),
    )
    lines = _folded(render(whole))
    assert lines["objectives"].startswith("✓ 4 objectives met over the judged phases")
    assert lines["budget"].startswith("✓ most spent by ")
    assert lines["faults"] == "✓ Kill one replica: passed, 0 bad events, clean-up done"
    assert lines["journeys"] == "✓ 44 walks of 2 journeys, all ok; slowest p95 2.3 s"
    assert lines["load"].startswith("✓ 2 395 visits, all ok, none dropped")
    assert lines["validity"] == "✓ valid: 3 checks within their limits"
    assert "answers" not in lines
    assert "timeline" not in lines


def test_what_needs_a_look_is_not_folded():
    assert set(_folded(render(fault_hurt()))) == {"validity", "provenance"}
    assert "validity" not in _folded(render(invalid_generator()))
    assert "journeys" not in _folded(render(clean_up_failed()))


def test_a_visit_that_failed_in_a_phase_that_is_not_judged_keeps_the_load_open():
    sample = all_met()
    load = sample.load
    assert load is not None
    series = tuple(
        replace(s, outcomes={"ok": s.count - 1, "failed": 1}) if s.phase == "run" and s.depth == 1 else s
        for s in load.series
    )
    judged = tuple(s for s in load.series if s.phase == "baseline" and s.depth == 1)
    bad = replace(load, unfinished=0, series=series, scenarios=judged)
    assert "load" not in _folded(render(replace(sample, load=bad)))


def test_what_did_not_run_is_one_line_without_a_table():
    page = render(no_data())
    lines = re.findall(r'<section id="(\w+)" class="line"', page)
    assert {"load", "faults", "journeys", "capacity", "funnels"} <= set(lines)


def test_invalid_is_another_tone_word_and_mark_than_missed():
    invalid, missed = render(invalid_generator()), render(fault_hurt())
    banner = re.compile(r'<header class="banner (\w+)">.*?aria-hidden="true">(.)</span> (\w+)', re.DOTALL)
    assert banner.search(invalid).groups() == ("void", "!", "invalid")
    assert banner.search(missed).groups() == ("bad", "✕", "missed")


def test_no_part_of_a_run_that_cannot_be_trusted_is_folded_as_good_news():
    tones = [
        re.findall(r'<span class="result"><span class="mark (\w+)"', render(one()))
        for one in (all_met, invalid_generator)
    ]
    assert set(tones[0]) == {"good", "neutral"}
    assert len(tones[1]) > 4
    assert set(tones[1]) == {"unclear", "neutral"}
