"""Mail to owners by lookup: what is posted, whose address is found, and what a real SMTP conversation brings to whom."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobgauge.errors import ConfigError
from jobgauge.http1 import HttpError, Request, Response
from jobgauge_mail.addresses import Addresses
from jobgauge_mail.cli import main
from jobgauge_mail.config import MailConfig
from jobgauge_mail.ledger import Ledger
from jobgauge_mail.notification import Notification
from jobgauge_mail.post import Post
from tests.support.certificates import Authority
from tests.support.mailbox import Mailbox, mailbox
from tests.support.running import running
from tests.support.servers import free_port

ALICE, BOB, ADMINS = "a.smith@example.org", "bob@example.org", "hpc@example.org"


def notification(user: str = "alice", *kinds: str, **group: str) -> dict[str, Any]:
    """What Alertmanager 0.25 posts, less what is the same in every alert."""
    alerts = [
        {
            "status": "firing",
            "labels": {"alertname": "OwnerReport", "user": user, "kind": kind},
            "annotations": {
                "summary": f"{kind}: 2 jobs in 7d",
                "description": f"{kind} is bad",
                "dashboard_url": f"http://g/d?var-user={user}",
            },
        }
        for kind in kinds or ("JobCpuLow",)
    ]
    labels = {"cluster": "c1", "user": user, **group}
    return {"version": "4", "groupKey": f"{{}}:{labels}", "groupLabels": labels, "alerts": alerts}


def posted(page: object) -> Request:
    return Request("POST", "/owner", {}, {}, body=json.dumps(page).encode())


class Bench:
    """A service without a web server, its files, and the mail that it sends."""

    def __init__(self, folder: Path, box: Mailbox) -> None:
        self.box = box
        self.ledger = Ledger()
        self.file = folder / "addresses"
        self.rules = folder / "rules.yml"
        self.file.write_text(f"# people\nalice: {ALICE}\nbob: {BOB}\n")
        self.settle(box.port)

    def settle(self, port: int, require_tls: str = "false") -> None:
        self.rules.write_text(
            f"mail:\n  smarthost: 127.0.0.1:{port}\n  from: Jobgauge <jobgauge@example.org>\n  admins: {ADMINS}\n"
            f"  require-tls: {require_tls}\n"
        )

    def service(self, *command: str, unknown: str = "admins") -> Post:
        known = MailConfig(rules_config_file=str(self.rules)).of_the_rules()
        return Post(known, Addresses(str(self.file), command), self.ledger, to_admins=unknown == "admins")

    def post(self, page: object, *command: str, unknown: str = "admins") -> Response:
        return self.service(*command, unknown=unknown)(posted(page))

    def outcomes(self) -> dict[str, int]:
        return {outcome.value: count for outcome, count in self.ledger.outcomes.items()}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with mailbox() as box:
        yield Bench(tmp_path, box)


def test_one_mail_with_everything(bench: Bench) -> None:
    assert bench.post(notification("alice", "JobCpuLow", "JobOomKilled")).status == 200
    (mail,) = bench.box.of(ALICE)
    assert mail.to == (ALICE,)
    assert (mail.subject, mail.message["To"]) == ("Your jobs on c1 could use less", ALICE)
    assert mail.message["From"] == "Jobgauge <jobgauge@example.org>"
    assert mail.message["Message-ID"].endswith("@example.org>")
    assert mail.message["Auto-Submitted"] == "auto-generated"
    paragraphs = mail.text.replace("\r", "").split("\n\n")
    assert paragraphs[0] == "Hello alice,"
    assert paragraphs[2].startswith(
        "JobCpuLow: 2 jobs in 7d\nJobCpuLow is bad\nWhat to do: The job board shows when the CPUs are busy."
    )
    assert paragraphs[3].startswith("JobOomKilled: 2 jobs in 7d\nJobOomKilled is bad\nWhat to do: ")
    assert paragraphs[4] == "All your jobs: http://g/d?var-user=alice"
    assert paragraphs[5].endswith(f"Questions, or no such mail any more: {ADMINS}\n")


def test_nothing_twice_and_what_is_new_once(bench: Bench) -> None:
    first = notification("alice", "JobCpuLow", "JobOomKilled")
    told = [bench.post(page).body for page in (first, first, notification("alice", "JobOomKilled"))]
    assert told == [b"sent\n", b"repeated\n", b"repeated\n"]
    assert bench.post(notification("alice", "JobOomKilled", "JobSwap")).body == b"sent\n"
    assert bench.post(notification("bob", "JobOomKilled")).body == b"sent\n"
    assert (len(bench.box.of(ALICE)), len(bench.box.of(BOB))) == (2, 1)
    ended = notification("carol")
    ended["alerts"][0]["status"] = "resolved"
    assert bench.post(ended).status == 200
    assert bench.outcomes() == {"sent": 3, "repeated": 3}


def test_of_many_at_the_same_time_some_wait_and_what_is_the_same_is_sent_once(bench: Bench) -> None:
    service, request = bench.service(), posted(notification())
    with bench.ledger.one_by_one:
        threads = [threading.Thread(target=service, args=(request,)) for _ in range(18)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        while bench.outcomes() != {"busy": 2}:  # the other 16 wait
            assert time.monotonic() < deadline
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert bench.outcomes() == {"busy": 2, "sent": 1, "repeated": 15}


@pytest.mark.parametrize(("unknown", "receivers"), [("admins", {ADMINS}), ("drop", set())])
def test_somebody_without_an_address(
    bench: Bench, unknown: str, receivers: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert bench.post(notification("carol"), unknown=unknown).body == b"unknown\n"
    assert bench.post(notification("carol"), unknown=unknown).body == b"repeated\n"
    assert bench.box.receivers == receivers
    for mail in bench.box.of(ADMINS):
        assert mail.text.startswith("To carol, who has no address:")
        assert "Hello carol," in mail.text
    assert "carol has no address" in caplog.text


def test_an_address_that_is_refused_for_good_and_one_for_now(bench: Bench) -> None:
    bench.box.refusals = {ALICE: "550 5.1.1 no such user", BOB: "451 4.7.1 greylisted"}
    assert bench.post(notification("alice")).status == 200
    assert [mail.to for mail in bench.box.of(ADMINS)] == [(ADMINS,)]
    assert bench.post(notification("bob")).status == 503
    bench.box.refusals = {}
    assert bench.post(notification("bob")).status == 200
    assert len(bench.box.of(BOB)) == 1
    assert bench.outcomes() == {"refused": 1, "failed": 1, "sent": 1}


def test_admins_who_are_refused_are_asked_again(bench: Bench) -> None:
    bench.box.refusals = {ADMINS: "550 5.1.1 no such user"}
    assert bench.post(notification("carol")).status == 503


def test_a_mail_server_that_is_down(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.settle(free_port())
    assert bench.post(notification()).status == 503
    assert "mail for alice: " in caplog.text
    bench.settle(bench.box.port)
    assert bench.post(notification()).status == 200
    assert len(bench.box.of(ALICE)) == 1


def test_mail_goes_encrypted_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    with mailbox(authority.issue("smtp", ["127.0.0.1"])) as box, mailbox() as plain:
        bench = Bench(tmp_path, box)
        bench.settle(box.port, "true")
        assert bench.post(notification()).status == 503  # by a certificate of nobody whom it knows
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        assert bench.post(notification()).status == 200
        bench.settle(plain.port, "true")
        assert bench.post(notification("bob")).status == 503
        assert (len(box.of(ALICE)), box.receivers, plain.receivers) == (1, {ALICE}, set())


@pytest.mark.parametrize(
    "user",
    [
        "alice\r\nBcc: eve@example.org",
        "alice\nRCPT TO:<eve@example.org>",
        "eve@example.org",
        "a\u2028b",
        "\ud800",
    ],
)
def test_no_name_reaches_a_header_or_begins_a_line(bench: Bench, user: str) -> None:
    page = notification(user, cluster="c1\r\nBcc: eve@example.org\r\n\r\nBuy now")
    page["alerts"][0]["annotations"]["summary"] = "x\r\n.\r\nQUIT\r\nBuy now"
    assert bench.post(page).body == b"unknown\n"
    (mail,) = bench.box.of(ADMINS)
    assert bench.box.receivers == {ADMINS}
    assert mail.message["Bcc"] is None
    assert mail.subject == "Your jobs on c1  Bcc: eve@example.org    Buy now could use less"
    assert not [
        line for line in mail.text.splitlines() if line.startswith(("Bcc", "RCPT", "QUIT", "Buy", "."))
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        json.dumps(notification()).encode()[:-20],
        json.dumps({**notification(), "groupLabels": {"cluster": "c1"}}).encode(),
        json.dumps({**notification(), "groupLabels": {"user": 7}}).encode(),
        json.dumps({**notification(), "alerts": [{}]}).encode(),
        json.dumps({**notification(), "alerts": [{"status": "firing"}]}).encode(),
        json.dumps({**notification(), "alerts": 7}).encode(),
    ],
)
def test_what_is_no_notification_is_refused(body: bytes) -> None:
    with pytest.raises(HttpError) as caught:
        Notification.read(body)
    assert caught.value.response.status == 400


def test_the_file_is_read_again_and_one_that_is_broken_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "addresses"
    file.write_text("alice: a@example.org\n\nEX\\bob : b@example.org \n")
    addresses = Addresses(str(file), ())
    assert [addresses.find(user) for user in ("alice", "EX\\bob", "carol", "")] == [
        "a@example.org",
        "b@example.org",
        None,
        None,
    ]
    for number, (text, wrong) in enumerate(
        {
            "alice: x@example.org\nbob\n": "line 2: 'bob' is no mail address",
            "alice: x@example.org, y@example.org\n": "is no mail address",
            "alice: Alice <x@example.org>\n": "is no mail address",
            "alice: x@example.org\nalice: y@example.org\n": "line 2: 'alice' stands twice",
            ": x@example.org\n": "is no login",
        }.items()
    ):
        file.write_text(text)
        os.utime(file, (number, number))
        assert addresses.find("alice") == "a@example.org"
        assert wrong in caplog.text
        with pytest.raises(ConfigError, match="addresses"):
            Addresses(str(file), ())
    file.unlink()
    assert addresses.find("alice") == "a@example.org"
    file.write_text("alice: new@example.org\n")
    assert addresses.find("alice") == "new@example.org"


SCRIPT = """#!/bin/sh
echo "$#:$1" >>{log}
case $1 in dora) echo dora@example.org ;; broken) echo 'not an address' ;; down) exit 1 ;; esac
"""


def test_a_command_of_the_site(bench: Bench, tmp_path: Path) -> None:
    log, script = tmp_path / "log", tmp_path / "address-of"
    script.write_text(SCRIPT.format(log=log))
    script.chmod(0o755)
    hostile = ["--help", "*)(uid=*", "a b", "$(id)", "dora\n", ""]
    outcomes = {
        user: bench.post(notification(user), str(script), "{user}") for user in ("dora", "alice", "gone")
    }
    assert [answer.body for answer in outcomes.values()] == [b"sent\n", b"sent\n", b"unknown\n"]
    for user in ("broken", "down"):
        assert bench.post(notification(user), str(script), "{user}").status == 503
    for user in hostile:
        assert bench.post(notification(user), str(script), "{user}").body == b"unknown\n"
    assert log.read_text().splitlines() == ["1:dora", "1:gone", "1:broken", "1:down"]  # the file knows alice
    assert len(bench.box.of("dora@example.org")) == 1


def test_it_serves_counts_and_reads_its_settings_again(bench: Bench, tmp_path: Path) -> None:
    bench.settle(free_port())
    flags = [f"--rules.config.file={bench.rules}", f"--addresses.file={bench.file}"]

    def tell(address: str, path: str = "/owner") -> int:
        with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
            connection.request("POST", path, json.dumps(notification()), {"Content-Type": "application/json"})
            return connection.getresponse().status

    with running("jobgauge-mail", tmp_path / "log", *flags) as service:
        assert tell(service.address) == 503
        bench.settle(bench.box.port)
        service.process.send_signal(signal.SIGHUP)
        service.wait("configuration reloaded")
        assert [tell(service.address), tell(service.address), tell(service.address, "/")] == [200, 200, 404]
        assert len(bench.box.of(ALICE)) == 1
        counted = {
            dict(labels)["outcome"]: value
            for (name, labels), value in service.page().items()
            if name == "jobgauge_mail_notifications_total"
        }
        assert Counter(counted) == {
            "sent": 1,
            "repeated": 1,
            "busy": 0,
            "failed": 1,
            "unknown": 0,
            "refused": 0,
        }
        assert service.end() == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--web.listen-address=:9798"], "is open to the network"),
        (
            ["--web.listen-address=127.0.0.1:0", "--web.listen-address=192.0.2.1:9798"],
            "is open to the network",
        ),
        (["--addresses.file={rules}.gone"], "rules.yml.gone: No such file or directory"),
        (["--addresses.command=/bin/id -u"], "write {user} where the login goes"),
        (["--addresses.unknown=keep"], "'keep' is none of admins, drop"),
        (["--rules.config.file={rules}"], "mail.smarthost: 'nowhere': HOST:PORT is expected"),
    ],
)
def test_wrong_settings_are_told(
    flags: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("mail: {smarthost: nowhere}\n")
    monkeypatch.setattr("jobgauge.log.set_up", lambda *_: None)  # it would outlive the test
    monkeypatch.setattr(
        "sys.argv", ["jobgauge-mail", "--check-config", *(f.replace("{rules}", str(rules)) for f in flags)]
    )
    assert main() == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("setting", "value"), [("from", "nobody"), ("admins", "hpc@example.org, root")])
def test_addresses_of_the_rules_are_checked(setting: str, value: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(f"mail: {{{setting}: '{value}'}}\n")
    config = MailConfig(rules_config_file=str(rules))
    with pytest.raises(ConfigError, match=f"mail.{setting}: '.*' is no mail address"):
        Post(config.of_the_rules(), Addresses("", ()), Ledger(), to_admins=True)


def test_with_passwords_it_may_be_open(tmp_path: Path) -> None:
    web = tmp_path / "web.yml"
    web.write_text("basic_auth_users:\n  am: $2b$04$" + "a" * 53 + "\n")
    assert MailConfig(listen_address=(":9798",), web_config_file=str(web)).listen_address == (":9798",)
    web.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    with pytest.raises(ConfigError, match="open to the network"):
        MailConfig(listen_address=(":9798",), web_config_file=str(web))
