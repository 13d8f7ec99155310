"""Distributed runs from the command line: wrong input, and manifests."""

import yaml

KEY = "k" * 40


def test_manifests_are_yaml_that_names_the_image_and_the_workers(workspace, holdfast) -> None:
    ran = holdfast("worker", "--manifest", "--image", "registry.example/w:1", "--count", "3", "--namespace", "load")
    assert ran.code == 0
    found = list(yaml.safe_load_all(ran.out))
    assert [one["kind"] for one in found] == ["Service", "NetworkPolicy", "Job", "Job"]
    assert found[3]["spec"]["parallelism"] == 3
    assert "create secret generic" in ran.out
    for job in found[2:]:
        command = job["spec"]["template"]["spec"]["containers"][0]["command"]
        assert command[command.index("--patience") + 1] == "600s"  # images are pulled meanwhile


def test_a_manifest_with_a_claim_and_a_patience(workspace, holdfast) -> None:
    ran = holdfast("worker", "--manifest", "--image", "i", "--claim", "runs", "--patience", "20m")
    runner, workers = (one["spec"]["template"]["spec"] for one in list(yaml.safe_load_all(ran.out))[2:])
    assert runner["volumes"][0]["persistentVolumeClaim"] == {"claimName": "runs"}
    assert workers["containers"][0]["command"][-1] == "1200s"


def test_what_is_wrong_with_joining_is_told(workspace, holdfast, monkeypatch) -> None:
    monkeypatch.delenv("HOLDFAST_WORKER_KEY", raising=False)
    for arguments, told in (
        (("worker",), "--join"),
        (("worker", "--join", "nowhere"), "host:port"),
        (("worker", "--join", "127.0.0.1:5557"), "HOLDFAST_WORKER_KEY"),
        (("worker", "--manifest"), "--image"),
        (("run", "smoke", "--remote-workers", "2"), "HOLDFAST_WORKER_KEY"),
        (("run", "smoke", "--listen", "127.0.0.1:5557"), "--remote-workers"),
        (("load", "smoke", "--remote-workers", "2", "--listen", "5557"), "host:port"),
    ):
        ran = holdfast(*arguments)
        assert ran.code == 2, arguments
        assert told in ran.err, (arguments, ran.err)
        assert "Traceback" not in ran.err
    assert not (workspace / "runs").exists()


def test_a_key_file_that_others_can_read_is_refused(workspace, holdfast) -> None:
    (workspace / "key").write_text(KEY, encoding="utf-8")
    (workspace / "key").chmod(0o644)
    ran = holdfast("worker", "--join", "127.0.0.1:5557", "--key-file", "key")
    assert ran.code == 2
    assert "chmod 600 key" in ran.err
    assert KEY not in ran.err
