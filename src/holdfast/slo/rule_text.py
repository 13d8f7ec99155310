"""Rules as the YAML that Prometheus reads, or as the PrometheusRule resource of its operator.

Written by hand, because a thousand objectives are twenty thousand rules: five times as fast as a general emitter, and
expressions keep their lines.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from holdfast.slo.promql import range_text
from holdfast.slo.rule import AlertRule, Record, RuleGroup

_PLAIN: Final = re.compile(r"[A-Za-z_/](?:[A-Za-z0-9_./-]|:(?=[A-Za-z0-9_]))*(?: [A-Za-z0-9_./%,-]*[A-Za-z0-9_./%-])*")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_ODD: Final = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Resource:
    """The metadata of a PrometheusRule. `labels`: those by which an operator's ruleSelector finds it."""

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def rules_text(groups: Iterable[RuleGroup]) -> str:
    """A rule file of Prometheus."""
    return "groups:\n" + "".join(_group_lines(groups, ""))


def resource_text(groups: Iterable[RuleGroup], resource: Resource) -> str:
    """A PrometheusRule of the Prometheus operator."""
    head = [
        "apiVersion: monitoring.coreos.com/v1\n",
        "kind: PrometheusRule\n",
        "metadata:\n",
        f"  name: {scalar(resource.name)}\n",
    ]
    if resource.namespace:
        head.append(f"  namespace: {scalar(resource.namespace)}\n")
    head += _mapping("labels", resource.labels, "  ")
    return "".join(head) + "spec:\n  groups:\n" + "".join(_group_lines(groups, "  "))


@lru_cache(maxsize=16384)
def scalar(text: str) -> str:
    """A string as YAML: plain where that is safe, else quoted. What YAML cannot hold becomes an escape."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if '"' in text and "\n" not in text and not _ODD.search(text):
        doubled = text.replace("'", "''")
        return f"'{doubled}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return _ODD.sub(lambda found: _escape(found[0]), quoted)


def yaml_lines(value: Any, indent: str = "") -> Iterator[str]:
    """Mappings, lists, text, whole numbers and booleans as block YAML."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from _entry(f"{indent}{scalar(str(key))}:", inside, indent + "  ")
    else:
        for item in value:
            yield from _item(item, indent)


def _item(item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, (Mapping, list, tuple)) and item:
        lines = list(yaml_lines(item, indent + "  "))
        yield f"{indent}- {lines[0][len(indent) + 2 :]}"
        yield from lines[1:]
    else:
        yield f"{indent}- {_leaf(item)}\n"


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, (Mapping, list, tuple)) and value:
        yield head + "\n"
        yield from yaml_lines(value, indent)
    elif isinstance(value, str) and "\n" in value:
        yield from _block(head, value, indent)
    else:
        yield f"{head} {_leaf(value)}\n"


def _leaf(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple)):
        return "[]"
    return scalar(value) if isinstance(value, str) else str(value)


def _group_lines(groups: Iterable[RuleGroup], indent: str) -> Iterator[str]:
    for group in groups:
        yield f"{indent}- name: {scalar(group.name)}\n"
        if group.interval is not None:
            yield f"{indent}  interval: {range_text(group.interval)}\n"
        yield f"{indent}  rules:\n"
        for rule in group.rules:
            yield from _rule_lines(rule, indent + "  ")


def _rule_lines(rule: Record | AlertRule, indent: str) -> Iterator[str]:
    inside = indent + "  "
    if isinstance(rule, Record):
        yield f"{indent}- record: {scalar(rule.record)}\n"
    else:
        yield f"{indent}- alert: {scalar(rule.alert)}\n"
    yield from _expr(rule.expr, inside)
    if isinstance(rule, AlertRule) and rule.after:
        yield f"{inside}for: {range_text(rule.after)}\n"
    if isinstance(rule, Record):
        yield from _mapping("labels", rule.labels, inside)
    else:
        yield from _mapping("labels", _literal(rule.labels), inside)
        yield from _mapping("annotations", _literal(rule.annotations), inside)


def _literal(texts: Mapping[str, str]) -> Mapping[str, str]:
    """Prometheus takes what alerts say for templates, and people's own words are none."""
    return {key: value.replace("{{", '{{"{{"}}') for key, value in texts.items()}


def _expr(text: str, indent: str) -> Iterator[str]:
    if ("\n" in text or '"' in text) and not _ODD.search(text) and not text.startswith((" ", "\n")):
        yield from _block(f"{indent}expr:", text, indent + "  ")
    else:
        yield f"{indent}expr: {scalar(text)}\n"


def _block(head: str, text: str, indent: str) -> Iterator[str]:
    yield f"{head} |-\n"
    for line in text.rstrip("\n").split("\n"):
        yield f"{indent}{line}\n" if line else "\n"


def _mapping(key: str, entries: Mapping[str, str], indent: str) -> Iterator[str]:
    if entries:
        yield f"{indent}{key}:\n"
        for name, value in entries.items():
            yield f"{indent}  {scalar(name)}: {scalar(value)}\n"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
