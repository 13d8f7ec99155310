"""Where a Prometheus is, and as whom it is asked. Names of secrets in files, secrets in the environment.

    connectionDetails:
      url: https://prometheus.example/      http or https; over http no secret is sent, save to this machine
      tokenEnv: PROM_TOKEN                  the environment variable that holds a bearer token
      userEnv: PROM_USER                    or those of a user and a password
      passwordEnv: PROM_PASSWORD
      caFile: certificates/inside.pem       trusted instead of the system's authorities; beside the file, or absolute

Without them: HOLDFAST_PROMETHEUS_TOKEN, or HOLDFAST_PROMETHEUS_USER and _PASSWORD, and HOLDFAST_PROMETHEUS_CA_FILE,
where they are set. A variable that a file names must have PROM in its name, so that no file can send another secret
of the environment to a host of its choice.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.slo.objective import Objective, Query, QueryRatio, QueryRaw, QueryThreshold
from holdfast.workspace.document import nearest
from holdfast.workspace.target import is_loopback
from holdfast.workspace.tls import wrong_with_ca_file

TOKEN: Final = "HOLDFAST_PROMETHEUS_TOKEN"  # noqa: S105 - the name of a variable
USER: Final = "HOLDFAST_PROMETHEUS_USER"
PASSWORD: Final = "HOLDFAST_PROMETHEUS_PASSWORD"  # noqa: S105
CA_FILE: Final = "HOLDFAST_PROMETHEUS_CA_FILE"

_KEYS: Final = ("url", "tokenEnv", "userEnv", "passwordEnv", "caFile")
_SECRETS: Final = ("token", "password", "secret", "authorization", "bearer", "headers", "apikey", "credentials")


@dataclass(frozen=True, slots=True)
class Connection:
    """How one Prometheus is reached: no secret in it, only the names of their variables."""

    url: str  # without a slash at its end
    token_env: str = TOKEN
    user_env: str = USER
    password_env: str = PASSWORD
    ca_file: str | None = None
    where: str = "--prometheus"  # what names it, for messages

    def secrets(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """What must never be told."""
        named = (environment.get(name, "") for name in (self.token_env, self.password_env))
        header = self.authorization(environment)
        return tuple(secret for secret in (*named, header.partition(" ")[2]) if secret)

    def authorization(self, environment: Mapping[str, str]) -> str:
        """The header's value; empty where the environment holds nothing."""
        if token := environment.get(self.token_env, "").strip():  # read from a file, it ends in a line break
            return f"Bearer {token}"
        user, password = environment.get(self.user_env), environment.get(self.password_env)
        if user and password is not None:
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        return ""


def connection_of(objective: Objective, given: str | None, environment: Mapping[str, str] | None = None) -> Connection:
    """Of an objective's DataSource, or of the address that was given instead.

    Raises InputError with all that is wrong.
    """
    environment = os.environ if environment is None else environment
    if given is not None:
        connection = Connection(given.rstrip("/"), ca_file=environment.get(CA_FILE))
        raise_input_error(_wrong_with(connection, environment))
        return connection
    query = _query_of(objective)
    details = query.connection if query is not None else {}
    where = query.where if query is not None else objective.where
    url = details.get("url")
    if not isinstance(url, str):
        what = f"nothing says where the Prometheus of {objective.name} is"
        fix = "write url under connectionDetails of its DataSource, or give --prometheus URL"
        raise InputError(Problem(where, what, fix))
    where = f'{where} (DataSource "{query.source_name}")' if query is not None and query.source_name else where
    raise_input_error(_wrong_with_details(details, where, environment))
    ca_file = details.get("caFile")
    connection = Connection(
        url.rstrip("/"),
        str(details.get("tokenEnv", TOKEN)),
        str(details.get("userEnv", USER)),
        str(details.get("passwordEnv", PASSWORD)),
        _beside(where, ca_file) if ca_file is not None else environment.get(CA_FILE),
        where,
    )
    raise_input_error(_wrong_with(connection, environment))
    return connection


def _query_of(objective: Objective) -> Query | None:
    match objective.indicator:
        case QueryRatio() as ratio:
            return ratio.total
        case QueryRaw() as raw:
            return raw.raw
        case QueryThreshold() as threshold:
            return threshold.metric
        case _:
            return None


def wrong_with_source(details: Mapping[str, Any], where: str) -> list[Problem]:
    """What is wrong with a DataSource's connectionDetails wherever they are used: a secret, an address that is none.

    Keys that holdfast does not know are told when it asks that Prometheus: OpenSLO leaves them free.
    """
    known = {key: value for key, value in details.items() if key in _KEYS or _is_secret(key)}
    problems = list(_wrong_with_details(known, where, None))
    url = details.get("url")
    if isinstance(url, str) and url:
        problems += _wrong_with(Connection(url.rstrip("/"), where=where), {})
    return problems


def _is_secret(key: str) -> bool:
    return any(word in key.lower().replace("_", "").replace("-", "") for word in _SECRETS)


def _wrong_with_details(
    details: Mapping[str, Any], where: str, environment: Mapping[str, str] | None
) -> Iterator[Problem]:
    """`environment`: None where it is not looked at."""
    for key, value in details.items():
        if key in _KEYS:
            if not isinstance(value, str) or not value:
                yield Problem(where, f"{key} of its connectionDetails is not text", "write it as text")
        elif _is_secret(key):
            yield Problem(
                where,
                f"{key} of its connectionDetails would be a secret in a file",
                "put it into an environment variable, and write tokenEnv: PROM_TOKEN",
            )
        else:
            yield Problem(where, f"its connectionDetails have an unknown {key}", nearest(key, _KEYS))
    for key in ("tokenEnv", "userEnv", "passwordEnv"):
        name = details.get(key)
        if not isinstance(name, str):
            continue
        if "PROM" not in name:
            what = f"{key} names {name}, and a file may send only variables with PROM in their name"
            yield Problem(where, what, "give the secret to the command under such a name: PROM_TOKEN")
        elif environment is not None and name not in environment:
            yield Problem(where, f"{key} names {name}, which the environment does not hold", f"export {name}")


def _wrong_with(connection: Connection, environment: Mapping[str, str]) -> Iterator[Problem]:
    where = connection.where
    try:
        parts = urlsplit(connection.url)
        sound = parts.port != 0 and not any(character.isspace() for character in connection.url)
    except ValueError:
        sound = False
    if not sound:
        yield Problem(where, "the address of Prometheus is none", "check its host and port")
        return
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        fix = f"put secrets into the environment: {TOKEN}, or {USER} and {PASSWORD}"
        yield Problem(where, "the address of Prometheus holds more than scheme, host, port and path", fix)
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        what = f"{connection.url!r} is not an http or https address"
        yield Problem(where, what, "write one such as https://prometheus.example")
        return
    if parts.scheme == "http" and connection.authorization(environment) and not is_loopback(connection.url):
        what = f"a secret would go to {parts.hostname} unencrypted"
        yield Problem(where, what, "write https://, or take the secret out of the environment")
    header = connection.authorization(environment)
    if not (header.isascii() and header.isprintable()):
        what = f"{connection.token_env} holds a character that no token has"  # which one would tell of the secret
        yield Problem(where, what, "give it as it was issued: printable ASCII, in one line")
    if connection.ca_file is not None and parts.scheme == "https":
        file = Path(connection.ca_file)
        if wrong := wrong_with_ca_file(file.parent, file.name):
            yield Problem(f"{where}: {shown(file)}", *wrong)


def _beside(where: str, file: object) -> str:
    path = Path(str(file))
    return str(path if path.is_absolute() else Path(where.partition(":")[0]).parent / path)
