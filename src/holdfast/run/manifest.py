"""A run in Kubernetes: the manifests of one runner and its workers, as data.

What runs is an image of the user's, with holdfast and the workspace in it; the shared key comes from a Secret that the
user makes, so that no manifest holds it. Everything runs without privileges, and only workers reach the runner's port.
"""

from typing import Any, Final

KEY_SECRET: Final = "holdfast-worker-key"  # noqa: S105  the name of a Secret, not one
PORT: Final = 5557
PATIENCE_SECONDS: Final = 600.0
"""How long runner and workers wait for each other: nodes are added and images pulled meanwhile."""
_RUNNER: Final = "holdfast-runner"
_WORKER: Final = "holdfast-worker"
_USER: Final = 65534
_WORKSPACE: Final = "/workspace"
_RUNS: Final = "runs"
_MEMORY: Final = "512Mi"


def manifests(
    *,
    image: str,
    workers: int,
    plan: str,
    namespace: str,
    patience: float = PATIENCE_SECONDS,
    claim: str | None = None,
) -> list[dict[str, Any]]:
    """A Service and a NetworkPolicy for the runner, its Job, and a Job of `workers` workers.

    `patience`: seconds that they wait for each other. `claim`: a PersistentVolumeClaim for runs/; without one the run
    folder goes with the runner's pod.
    """
    waiting = ["--patience", f"{patience:g}s"]
    runner = ["holdfast", "run", plan, "--remote-workers", str(workers), "--listen", f"0.0.0.0:{PORT}", *waiting]
    joining = ["holdfast", "worker", "--join", f"{_RUNNER}:{PORT}", *waiting]
    runs = {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _metadata(_RUNNER, namespace, _RUNNER),
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": {"app.kubernetes.io/name": _RUNNER},
                "ports": [{"name": "workers", "port": PORT}],
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": _metadata(_RUNNER, namespace, _RUNNER),
            "spec": {
                "podSelector": {"matchLabels": {"app.kubernetes.io/name": _RUNNER}},
                "policyTypes": ["Ingress"],
                "ingress": [
                    {
                        "from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": _WORKER}}}],
                        "ports": [{"port": PORT, "protocol": "TCP"}],
                    }
                ],
            },
        },
        _job(_RUNNER, namespace, image, runner, 1, runs),
        _job(_WORKER, namespace, image, joining, workers),
    ]


def _job(
    name: str, namespace: str, image: str, command: list[str], pods: int, runs: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Pods that are not started again: a worker that is lost makes the run invalid, and none can take its part.

    `runs`: the source of a volume for runs/, where the run folder is written: the image's own is not our user's.
    """
    # A core is asked for, and none is the limit: a limit is a CFS quota, whose throttling stops a generator in
    # mid-measurement for up to 100 ms, while a request alone is a share that it keeps when the node is full.
    resources = {"requests": {"cpu": "1", "memory": _MEMORY}, "limits": {"memory": _MEMORY}}
    volumes = {"volumes": [{"name": _RUNS, **runs}]} if runs else {}
    mounts = {"volumeMounts": [{"name": _RUNS, "mountPath": f"{_WORKSPACE}/runs"}]} if runs else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(name, namespace, name),
        "spec": {
            "parallelism": pods,
            "completions": pods,
            "completionMode": "Indexed",
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": 86_400,
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": name}},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _USER,
                        "fsGroup": _USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": name,
                            "image": image,
                            "command": command,
                            "workingDir": _WORKSPACE,
                            "env": [
                                {
                                    "name": "HOLDFAST_WORKER_KEY",
                                    "valueFrom": {"secretKeyRef": {"name": KEY_SECRET, "key": "key"}},
                                }
                            ],
                            "resources": resources,
                            **mounts,
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        }
                    ],
                    **volumes,
                },
            },
        },
    }


def _metadata(name: str, namespace: str, part: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "labels": {"app.kubernetes.io/name": part, "app.kubernetes.io/part-of": "holdfast"},
    }
