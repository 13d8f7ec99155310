"""A run in Kubernetes: the manifests of one runner and its workers, as data.

What runs is an image of the user's, with holdfast and the workspace in it; the shared key comes from a Secret that the
user makes, so that no manifest holds it. Everything runs without privileges, and only workers reach the runner's port.
"""

from typing import Any, Final

KEY_SECRET: Final = "holdfast-worker-key"  # noqa: S105  the name of a Secret, not one
PORT: Final = 5557
_RUNNER: Final = "holdfast-runner"
_WORKER: Final = "holdfast-worker"
_USER: Final = 65534


def manifests(*, image: str, workers: int, plan: str, namespace: str) -> list[dict[str, Any]]:
    """A Service and a NetworkPolicy for the runner, its Job, and a Job of `workers` workers."""
    runner = ["holdfast", "run", plan, "--remote-workers", str(workers), "--listen", f"0.0.0.0:{PORT}"]
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
        _job(_RUNNER, namespace, image, runner, 1),
        _job(_WORKER, namespace, image, ["holdfast", "worker", "--join", f"{_RUNNER}:{PORT}"], workers),
    ]


def _job(name: str, namespace: str, image: str, command: list[str], pods: int) -> dict[str, Any]:
    """Pods that are not started again: a worker that is lost makes the run invalid, and none can take its part."""
    # One core each, asked for and no more: a generator that is throttled or shares a core measures itself.
    size = {"cpu": "1", "memory": "512Mi"}
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
                            "workingDir": "/workspace",
                            "env": [
                                {
                                    "name": "HOLDFAST_WORKER_KEY",
                                    "valueFrom": {"secretKeyRef": {"name": KEY_SECRET, "key": "key"}},
                                }
                            ],
                            "resources": {"requests": size, "limits": size},
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "capabilities": {"drop": ["ALL"]},
                            },
                        }
                    ],
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
