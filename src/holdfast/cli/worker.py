"""`holdfast worker`: a process of another machine that plays its part of a run; or the manifests that start some."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
import yaml

from holdfast.cli.options import Duration
from holdfast.cli.workspace import current_workspace
from holdfast.errors import ExitCode, InputError, Problem
from holdfast.process import hearing
from holdfast.run.manifest import KEY_SECRET, manifests
from holdfast.run.manifest import PATIENCE_SECONDS as MANIFEST_PATIENCE_SECONDS
from holdfast.run.requirements import missing_modules
from holdfast.run.secrets import environment_of_authors
from holdfast.run.workers import PATIENCE_SECONDS, address_of, key_from

_GOODBYE_SECONDS: Final = 30.0


@click.command()
@click.option("--join", help="Where the run waits for workers, as host:port (its --listen).")
@click.option("--key-file", type=click.Path(path_type=Path), help="The shared key; else HOLDFAST_WORKER_KEY.")
@click.option(
    "--patience",
    type=Duration(),
    help="How long to wait for the run. Default: 60s; in manifests, where the run waits as long for its workers, 10m.",
)
@click.option("--manifest", is_flag=True, help="Print Kubernetes manifests of a runner and its workers instead.")
@click.option("--image", help="For the manifests: an image with holdfast, and the workspace under /workspace.")
@click.option("--count", type=click.IntRange(1, 1000), default=2, show_default=True, help="For the manifests: workers.")
@click.option("--plan", default="ci", show_default=True, help="For the manifests: the plan that is run.")
@click.option("--namespace", default="default", show_default=True, help="For the manifests.")
@click.option("--claim", help="For the manifests: a PersistentVolumeClaim for runs/, which else goes with its pod.")
def worker(
    join: str | None,
    key_file: Path | None,
    patience: float | None,
    manifest: bool,
    image: str | None,
    count: int,
    plan: str,
    namespace: str,
    claim: str | None,
) -> int:
    """Join a distributed run (`holdfast run PLAN --remote-workers N`), play a part of its load, and end with it.

    Start it in a copy of the run's workspace: a file that differs is told, and nothing starts. Exit 0 when its part
    was played and is in the run's record, 2 when it could not join or begin, 3 when the run was lost or never began,
    130 when it was interrupted (Ctrl-C, SIGTERM, SIGHUP): it ends its part at once, and the run hears that it is lost.
    """
    if manifest:
        if image is None:
            fix = "build one with holdfast and the workspace under /workspace, and name it: --image registry/name:tag"
            raise InputError(Problem("--image", "is missing", fix))
        found = manifests(
            image=image,
            workers=count,
            plan=plan,
            namespace=namespace,
            patience=patience or MANIFEST_PATIENCE_SECONDS,
            claim=claim,
        )
        return _print_manifests(found, namespace)
    if join is None:
        raise InputError(Problem("--join", "is missing", "say where the run waits: --join 10.0.0.5:5557"))
    host, port = address_of(join, "--join")
    missing = missing_modules("load")
    if missing:
        what = f"needs {', '.join(missing)}, which is not installed"
        raise InputError(Problem("worker", what, 'pip install "holdfast[load]"'))
    root = current_workspace().root
    words = {
        "host": host,
        "port": port,
        "key": key_from(key_file, os.environ),
        "workspace": str(root),
        "patience": patience or PATIENCE_SECONDS,
    }
    return _play(words, environment_of_authors(root))


def _play(words: dict[str, object], environment: Mapping[str, str]) -> int:
    """Locust patches the process it is imported in, so it is a child: who ends us ends it, by a word on its stdin."""
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast.load.worker"],
        stdin=subprocess.PIPE,
        text=True,
        env=environment,
        # The terminal's Ctrl-C and hang-up are ours to hear: it sends what it measured before it goes.
        start_new_session=True,
    )
    if process.stdin is None:
        raise RuntimeError("a worker was started without a pipe")
    try:
        with hearing(signal.default_int_handler):
            with suppress(OSError):  # it has ended already, and its exit code says why
                process.stdin.write(json.dumps(words) + "\n")
                process.stdin.flush()
            return _exit_code(process.wait())
    except KeyboardInterrupt:
        _end(process)
        return int(ExitCode.INTERRUPTED)


def _end(process: "subprocess.Popen[str]") -> None:
    """Have it say goodbye; who is impatient, or finds it stuck, ends it at once."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.write("interrupted\n")
            process.stdin.close()
    try:
        process.wait(timeout=_GOODBYE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()


def _exit_code(code: int) -> int:
    """The child's, where it is one of the table's; one that was killed did not play its part."""
    if code < 0:
        name = signal.Signals(-code).name
        click.echo(
            f"worker: was killed by {name} before the run's end, so its part was not played to the end", err=True
        )
        return int(ExitCode.INCONCLUSIVE)
    return code if code in {*ExitCode} - {ExitCode.MISSED} else int(ExitCode.HOLDFAST_FAILED)


def _print_manifests(found: list[dict[str, Any]], namespace: str) -> int:
    click.echo(f"# Make the shared key first, once:\n#   kubectl -n {namespace} create secret generic {KEY_SECRET} \\")
    click.echo("#     --from-literal=key=\"$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')\"")
    click.echo(yaml.safe_dump_all(found, sort_keys=False), nl=False)
    return 0
