"""The mail: what jobgauge-rules writes for Alertmanager, run by the real one, which gives it to a mail server of ours."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import bcrypt
import pytest
import yaml

from jobgauge.rules import main
from tests.support.certificates import Authority
from tests.support.mailbox import Mailbox, mailbox
from tests.support.running import running as service
from tests.support.servers import free_port

ADMINS, SECOND = "hpc@example.org", "boss@example.org"


def alert(name: str, **labels: str) -> dict[str, Any]:
    report = (
        {"report": "owner"}
        if name == "OwnerReport"
        else {"report": "admins"}
        if name == "AdminReport"
        else {}
    )
    about = " ".join(labels.values())
    return {
        "labels": {"alertname": name, "cluster": "c1", "severity": "info", **report, **labels},
        "annotations": {
            "summary": f"summary of {name} {about}",
            "description": f"description of {name} {about}",
            "dashboard_url": "http://grafana/d/jobgauge-my-jobs?var-user=" + labels.get("user", ""),
            "runbook_url": "http://runbook#" + name.lower(),
        },
    }


def figures() -> dict[str, dict[str, str]]:
    """What Prometheus says of each kind, as promtool's tests have it."""
    page = yaml.safe_load((Path(__file__).parent / "reports-alerts.test.yml").read_text(encoding="utf-8"))
    (test,) = (one for one in page["tests"] if one["name"] == "each kind of alert says what it cost")
    return {
        one["exp_labels"]["kind"]: {key: one["exp_annotations"][key] for key in ("summary", "description")}
        for one in test["alert_rule_test"][0]["exp_alerts"]
    }


TOLD = figures()


def owner(user: str, kind: str) -> dict[str, Any]:
    found = alert("OwnerReport", user=user, account="phys", kind=kind)
    return found | {"annotations": {**found["annotations"], **TOLD.get(kind, {})}}


class Alertmanager:
    """A running Alertmanager."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tell(self, *alerts: dict[str, object]) -> None:
        body = json.dumps(alerts).encode()
        request = urllib.request.Request(
            f"{self._url}/api/v2/alerts", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


@contextmanager
def running(
    folder: Path, box: Mailbox, *flags: str, environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Alertmanager]:
    mail = [
        f"--mail.smarthost=127.0.0.1:{box.port}",
        "--mail.from=jobgauge@example.org",
        f"--mail.admins={ADMINS}, {SECOND}",
    ]
    mail += ["--mail.owner={{ .GroupLabels.user }}@example.org", "--mail.wait=1s", "--mail.digest=1s", *flags]
    assert main(["alertmanager", "--out", str(folder), *mail]) == 0
    port = free_port()
    argv = [
        "prometheus-alertmanager",
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/data",
    ]
    argv += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, **environment})
        try:
            found = Alertmanager(port)
            deadline = time.monotonic() + 60
            while not found.answers():
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.05)
            yield found
        finally:
            process.terminate()
            process.wait(timeout=60)


@pytest.mark.system
def test_each_gets_what_is_meant_for_them_once(tmp_path: Path) -> None:
    with mailbox() as box, running(tmp_path, box, "--mail.opt-out=eve|mal.*") as manager:
        of_ann = [owner("ann", kind) for kind in ("JobCpuLow", "JobGpuIdle", "UserTimeLimitOver")]
        manager.tell(
            *of_ann,
            owner("bob", "JobOomKilled"),
            owner("eve", "JobCpuLow"),
            alert("JobCpuLow", user="ann", jobid="7"),  # told by the report only
            alert("AdminReport"),
        )
        (first,) = box.wait("ann@example.org")
        assert first.subject == "Your jobs on c1 could use less"
        assert first.message["From"] == "jobgauge@example.org"
        text = " ".join(first.text.split())
        assert text.startswith("Hello ann, some of your jobs on c1 held what they did not use")
        for kind, cost, advice in (
            (
                "JobCpuLow",
                "Left idle: 6.0 of 8.0 core-hours held. Longest: 1, 2",
                "The job board shows when the CPUs are busy. Ask for as many CPUs as are busy",
            ),
            (
                "JobGpuIdle",
                "Held without use: 1.5 of 2.0 GPU-hours. Longest: 3",
                "Was the program built for GPUs, and does it find them (nvidia-smi in the job",
            ),
            (
                "UserTimeLimitOver",
                "Nine of ten ran for 1h 24m 0s at most: next time ask for 2h 6m 0s.",
                "Jobs with shorter limits fit into gaps and start sooner.",
            ),
        ):
            told = TOLD[kind]["summary"] + " " + TOLD[kind]["description"]
            assert cost in told
            assert f"{told} What to do: {advice}" in text, text
        assert "All your jobs: http://grafana/d/jobgauge-my-jobs?var-user=ann" in text
        assert (
            f"at most every 1s, and tells of the same thing again after 7d at the soonest. Questions, or no such mail any more: {ADMINS}, {SECOND}"
            in text
        )
        assert "out of memory" not in text
        box.wait("bob@example.org")
        (report,) = box.wait(ADMINS)
        assert report.to == (ADMINS, SECOND)
        assert report.subject == "Jobs on c1: who left most idle"
        assert "description of AdminReport" in report.text
        # Ann is told again only once there is something new, and then everything. Meanwhile two more users have had
        # their first mail one after the other, so at least one digest of hers was due.
        for user in ("carol", "dave"):
            manager.tell(owner(user, "JobCpuLow"), *of_ann)
            box.wait(f"{user}@example.org")
        assert len(box.of("ann@example.org")) == 1
        manager.tell(owner("ann", "JobTooManyThreads"))
        second = box.wait("ann@example.org", 2)[1]
        assert all(kind in second.text for kind in ("JobTooManyThreads", "JobCpuLow", "JobGpuIdle"))
        users = {f"{user}@example.org" for user in ("ann", "bob", "carol", "dave")}
        assert box.receivers == {*users, ADMINS, SECOND}


@pytest.mark.system
def test_after_the_quiet_time_the_same_is_told_again(tmp_path: Path) -> None:
    with mailbox() as box, running(tmp_path, box, "--mail.quiet=2s") as manager:
        manager.tell(owner("ann", "JobCpuLow"))
        first, second = box.wait("ann@example.org", 2)
        assert first.text == second.text


@pytest.mark.system
def test_by_lookup_comes_the_same_mail(tmp_path: Path) -> None:
    """One Alertmanager writes by itself, the other by jobgauge-mail, over TLS and with a password."""
    authority = Authority(tmp_path)
    certificate = authority.issue("mail", ["127.0.0.1"])
    password = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()
    tls = f"tls_server_config: {{cert_file: {certificate.cert}, key_file: {certificate.key}}}"
    (tmp_path / "web.yml").write_text(f"{tls}\nbasic_auth_users: {{am: {password}}}\n")
    (tmp_path / "addresses").write_text("ann: a.lee@example.org\n")
    alerts = [owner("ann", "JobCpuLow"), owner("ann", "JobGpuIdle"), owner("ann", "NoSuchKind")]
    alerts.append(owner("zoë", "JobCpuLow"))
    with mailbox() as box:
        (tmp_path / "rules.yml").write_text(
            f"mail: {{smarthost: '127.0.0.1:{box.port}', from: jobgauge@example.org, admins: '{ADMINS}, {SECOND}', digest: 1s}}\n"
        )
        flags = [
            f"--rules.config.file={tmp_path}/rules.yml",
            f"--addresses.file={tmp_path}/addresses",
            f"--web.config.file={tmp_path}/web.yml",
        ]
        with service("jobgauge-mail", tmp_path / "mail.log", *flags) as lookup:
            url = f"https://am:s3cret@{lookup.address}/owner"
            environment = {"SSL_CERT_FILE": str(authority.path)}
            with running(
                tmp_path / "lookup", box, f"--mail.lookup={url}", environment=environment
            ) as manager:
                manager.tell(*alerts)
                (looked_up,) = box.wait("a.lee@example.org")
                (unknown,) = box.wait(ADMINS)
        with running(tmp_path / "direct", box) as manager:
            manager.tell(*alerts)
            (direct,) = box.wait("ann@example.org")
        assert looked_up.to == ("a.lee@example.org",)
        assert (looked_up.subject, looked_up.text) == (direct.subject, direct.text.rstrip() + "\r\n")
        assert unknown.to == (ADMINS, SECOND)
        assert "To zoë, who has no address:" in unknown.text
        assert "ann@example.org" not in unknown.text


def test_a_lookup_takes_the_place_of_the_mail_to_owners(tmp_path: Path) -> None:
    assert (
        main(["alertmanager", "--out", str(tmp_path), "--mail.lookup=http://am:pass@127.0.0.1:9798/owner"])
        == 0
    )
    subprocess.run(["amtool", "check-config", tmp_path / "alertmanager.yml"], check=True, capture_output=True)
    receivers = yaml.safe_load((tmp_path / "alertmanager.yml").read_text())["receivers"]
    (found,) = [receiver for receiver in receivers if receiver["name"] == "owner"]
    assert found == {
        "name": "owner",
        "webhook_configs": [{"url": "http://am:pass@127.0.0.1:9798/owner", "send_resolved": False}],
    }


def test_defaults_are_good_and_say_how_long_to_remember(tmp_path: Path) -> None:
    assert main(["alertmanager", "--out", str(tmp_path)]) == 0
    subprocess.run(["amtool", "check-config", tmp_path / "alertmanager.yml"], check=True, capture_output=True)
    text = (tmp_path / "alertmanager.yml").read_text()
    assert "alertmanager --data.retention=336h" in text  # two weeks: told again after one
    page = yaml.safe_load(text)
    by_receiver = {route["receiver"]: route for route in page["route"]["routes"]}
    assert {
        key: by_receiver["owner"][key]
        for key in ("group_by", "group_wait", "group_interval", "repeat_interval")
    } == {
        "group_by": ["cluster", "user"],
        "group_wait": "30m",
        "group_interval": "1d",
        "repeat_interval": "7d",
    }
    assert page["global"]["smtp_require_tls"] is False


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "NodesDown"}, "admins"),
        ({"alertname": "JobCpuLow", "user": "ann"}, "nobody"),
        ({"alertname": "UserCpuWasteDay", "user": "ann"}, "nobody"),
        ({"alertname": "OwnerReport", "report": "owner", "user": "ann"}, "owner"),
        ({"alertname": "OwnerReport", "report": "owner", "user": 'o"neil {x}'}, "owner"),
        ({"alertname": "OwnerReport", "report": "owner", "user": 'quiet"one'}, "nobody"),
        ({"alertname": "AdminReport", "report": "admins"}, "admins-report"),
    ],
)
def test_routes(labels: dict[str, str], receiver: str, tmp_path: Path) -> None:
    assert main(["alertmanager", "--out", str(tmp_path), '--mail.opt-out=quiet"\\w+']) == 0
    pairs = [f"{name}={json.dumps(value)}" for name, value in labels.items()]
    config = tmp_path / "alertmanager.yml"
    done = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={config}", *pairs],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == receiver


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--out DIR is needed"),
        (["--out=x", "--mail.owner="], "mail.owner: '' is empty or more than a line"),
        (["--out=x", "--mail.require-tls=yes"], "is neither true nor false"),
        (["--out=x", "--mail.lookup=owner"], "is not an address such as"),
        (["--out=x", "--mail.opt-out=("], "is not a regular expression"),
        (["--out=x", "--mail.quiet=1 week"], "is not a duration"),
    ],
)
def test_wrong_settings_are_told(flags: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alertmanager", *flags]) == 2
    assert said in capsys.readouterr().err
