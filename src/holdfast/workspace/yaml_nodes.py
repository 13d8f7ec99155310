"""YAML text in, nodes with the place of each out; plain scalars by YAML 1.2's core schema.

libyaml, where PyYAML was built with it, reads ten times as fast and is asked first. What it refuses is read again by
PyYAML's own parser, whose word counts, so that messages are the same on every machine.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

import yaml

DEEPEST: Final = 100
"""How many mappings and lists may stand in each other."""


def _by_yaml_1_2(loader: Any) -> None:
    """The core schema; the last entry of each lists the characters that a match may start with."""
    loader.yaml_implicit_resolvers = {}
    loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])
    loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
    whole = re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$")
    loader.add_implicit_resolver("tag:yaml.org,2002:int", whole, list("-+0123456789"))
    broken = re.compile(r"^[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?$")
    loader.add_implicit_resolver("tag:yaml.org,2002:float", broken, list("-+.0123456789"))


class PurePython(yaml.SafeLoader):
    """PyYAML's own parser."""


_by_yaml_1_2(PurePython)
LOADERS: list[Any] = [PurePython]
if yaml.__with_libyaml__:

    class Libyaml(yaml.CSafeLoader):
        """The parser in C."""

    _by_yaml_1_2(Libyaml)
    LOADERS.insert(0, Libyaml)


_READ_OTHERWISE: Final = re.compile(r"[\t\ufeff?]|(?:^|[\s,\[{:-])!")
"""Tabs and question marks inside of plain text, byte order marks and tags: what libyaml takes and PyYAML refuses."""


def nodes_of(text: str) -> Iterator[yaml.Node]:
    """The root of each document. Raises yaml.YAMLError where there is no reading on."""
    first, *others = LOADERS
    try:
        found = list(_composed(first, text)) if others and not _READ_OTHERWISE.search(text) else None
    except (yaml.YAMLError, RecursionError):
        found = None
    yield from _composed(PurePython, text) if found is None else found


def _composed(loader_class: Any, text: str) -> Iterator[yaml.Node]:
    loader = loader_class(text)
    try:
        while loader.check_node():
            yield cast("yaml.Node", loader.get_node())  # check_node() said that there is one
    finally:
        loader.dispose()
