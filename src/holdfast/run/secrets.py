"""Which environment variables hold secrets, by the names that definitions give; and what each child of a run sees.

A scenario, a journey or an experiment is an author's file, and may read its secrets from the environment. The token of
a metrics source is none of theirs: the runner asks that source. An experiment that names it gets it all the same.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from holdfast.environment import for_authors
from holdfast.run.definition_files import definition_files, read_documents

_OF_SOURCES: Final = ("tokenEnv", "userEnv", "passwordEnv")


def environment_of_authors(
    root: Path, experiments: Iterable[Path] = (), environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """For a child that runs files of the workspace at `root`, and these experiments. `environment`: ours."""
    given = os.environ if environment is None else environment
    return for_authors(given, named_by_sources(root / "slo"), named_by_experiments(experiments))


def named_by_sources(folder: Path) -> frozenset[str]:
    """The variables that data sources below the folder name; none when there is no such folder."""
    return frozenset(
        value
        for data in _data(folder)
        for mapping in _mappings(data)
        for key, value in mapping.items()
        if key in _OF_SOURCES and isinstance(value, str)
    )


def named_by_experiments(paths: Iterable[Path]) -> frozenset[str]:
    """The variables that configuration and secrets of experiments name: `{type: env, key: NAME}`."""
    return frozenset(
        str(mapping["key"])
        for path in paths
        for data in _data(path)
        for mapping in _mappings(data)
        if mapping.get("type") == "env" and "key" in mapping
    )


def _data(path: Path) -> Iterator[Any]:
    """Of all YAML documents there. What is wrong with them is reported by whoever loads them to use them."""
    files, _ = definition_files([path]) if path.exists() else ([], [])
    documents, _ = read_documents(files)
    for document in documents:
        yield document.data


def _mappings(data: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(data, Mapping):
        yield data
        for value in data.values():
            yield from _mappings(value)
    elif isinstance(data, list):
        for value in data:
            yield from _mappings(value)
