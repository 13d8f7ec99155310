"""What a process that we start is told of our environment: not all of it, because it may hold secrets.

In: our variables. Out: those for a process of ours (an allow-list), or for one that runs an author's files (all but
what is somebody else's secret).
Whoever shares a user with a process reads its variables in /proc/…/environ, and PostgreSQL's user is another than ours.
"""

from collections.abc import Iterable, Mapping
from typing import Final

_ANY_PROGRAM: Final = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "TEMP", "TMP",
    "LOCPATH", "LOCALE_ARCHIVE",
    # By name: SSH hands on whatever begins with LC_, so that people send tokens that way.
    "LC_ALL", "LC_ADDRESS", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION", "LC_MEASUREMENT", "LC_MESSAGES",
    "LC_MONETARY", "LC_NAME", "LC_NUMERIC", "LC_PAPER", "LC_TELEPHONE", "LC_TIME",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "NIX_LD", "NIX_LD_LIBRARY_PATH",
})  # fmt: skip
# Which interpreter, which modules, how it behaves; and the files that say how coverage is measured.
_PYTHON: Final = frozenset({
    "PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONSAFEPATH",
    "PYTHONUTF8", "PYTHONIOENCODING", "PYTHONCOERCECLOCALE", "PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONWARNINGS", "PYTHONDEVMODE", "PYTHONFAULTHANDLER",
    "PYTHONMALLOC", "PYTHONTRACEMALLOC", "PYTHONASYNCIODEBUG", "PYTHONGIL",
    "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG",
    "COVERAGE_RCFILE", "COVERAGE_FILE", "COV_CORE_SOURCE", "COV_CORE_CONFIG", "COV_CORE_DATAFILE",
    "SSL_CERT_FILE", "SSL_CERT_DIR",
})  # fmt: skip
# A screen to draw on, fonts, folders of its own.
_BROWSER: Final = frozenset({
    "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME",
    "XDG_DATA_DIRS", "XDG_CONFIG_DIRS", "DBUS_SESSION_BUS_ADDRESS", "FONTCONFIG_FILE", "FONTCONFIG_PATH",
    "CHROME_DEVEL_SANDBOX", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "PLAYWRIGHT_BROWSERS_PATH",
    "PLAYWRIGHT_NODEJS_PATH",
})  # fmt: skip
OWN_SECRETS: Final = frozenset({
    "HOLDFAST_WORKER_KEY", "HOLDFAST_EXPORTER_KEY", "HOLDFAST_CONTROL_TOKEN", "HOLDFAST_PROXY_TOKEN",
    "HOLDFAST_PROMETHEUS_TOKEN", "HOLDFAST_PROMETHEUS_USER", "HOLDFAST_PROMETHEUS_PASSWORD",
})  # fmt: skip
"""Of holdfast itself. Whoever needs one is handed it: over stdin, or in a file that only its owner reads."""


def for_a_program(environment: Mapping[str, str]) -> dict[str, str]:
    """For a program that is no Python and no browser: PostgreSQL, Valkey, promtool."""
    return _allowed(environment, _ANY_PROGRAM)


def for_our_python(environment: Mapping[str, str]) -> dict[str, str]:
    """For a Python process that runs our code alone: the supervisor, the fault proxy, replicas, partners, the stub."""
    return _allowed(environment, _ANY_PROGRAM | _PYTHON)


def for_a_browser(environment: Mapping[str, str]) -> dict[str, str]:
    """For Chromium, and for the driver that starts it. Neither obeys a proxy, whose address may hold a password."""
    return _allowed(environment, _ANY_PROGRAM | _BROWSER)


def for_authors(
    environment: Mapping[str, str], others: Iterable[str] = (), needed: Iterable[str] = ()
) -> dict[str, str]:
    """For a process that runs files of an author (scenarios, journeys, experiments), who may read secrets there.

    All but holdfast's own secrets and those that definitions name for `others`; of these, `needed` ones stay.
    """
    withheld = (OWN_SECRETS | frozenset(others)) - frozenset(needed)
    return {name: value for name, value in environment.items() if name not in withheld}


def _allowed(environment: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name in names}
