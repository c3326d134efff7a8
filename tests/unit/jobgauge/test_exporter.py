"""The life of an exporter's command: one scrape, serving, reload and end, through a real one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

COMMAND = [sys.executable, "-c", "import sys; from jobgauge_job.cli import main; sys.exit(main())"]


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Flags for a node without jobs, with the log where it can be read as data."""
    (tmp_path / "cgroup").mkdir()
    return [f"--path.cgroupfs={tmp_path / 'cgroup'}", "--log.format=json"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)


class Serving:
    """A running exporter."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log
        self.url = "http://" + self.logged("listens on").rpartition(" ")[2]

    def logged(self, words: str) -> str:
        """Wait for a log message with these words."""
        return self._wait(lambda: next((m for m in self.messages() if words in m), ""))

    def messages(self) -> list[str]:
        return [json.loads(line)["msg"] for line in self._log.read_text().splitlines()]

    def _wait(self, look: Callable[[], str]) -> str:
        deadline = time.monotonic() + 20
        while not (found := look()):
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)
        return found

    def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers["Content-Type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], error.read().decode()

    def collectors(self, query: str = "") -> set[str]:
        _, _, page = self.get("/metrics" + query)
        return {
            sample.labels["collector"]
            for family in parse_text(page)
            for sample in family.samples
            if sample.name == "jobgauge_collector_success"
        }


@contextmanager
def serving(tmp_path: Path, *arguments: str) -> Iterator[Serving]:
    log = tmp_path / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*COMMAND, "--web.listen-address=127.0.0.1:0", *arguments], stderr=out, text=True
        )
    try:
        yield Serving(process, log)
    finally:
        process.kill()
        process.wait()


def test_version_and_wrong_use() -> None:
    assert run("--version").stdout.startswith("jobgauge-job-exporter 0.")
    wrong = run("--collector.cpus")
    assert (wrong.returncode, "did you mean '--collector.cpu'" in wrong.stderr) == (2, True)


def test_check_config(tmp_path: Path, arguments: list[str]) -> None:
    assert run("--check-config", *arguments).returncode == 0
    web = tmp_path / "web.yml"
    web.write_text("tls_server_config: {cert_fil: x}")
    bad = run("--check-config", f"--web.config.file={web}", *arguments)
    assert bad.returncode == 2
    assert "cert_file" in bad.stderr  # the nearest known key
    bad = run("--check-config", "--web.telemetry-path=/", *arguments)
    assert (bad.returncode, "web.telemetry-path" in bad.stderr) == (2, True)


def test_once_prints_a_page(arguments: list[str]) -> None:
    once = run("--once", "--cluster=c1", *arguments)
    assert once.returncode == 0
    samples = [sample for family in parse_text(once.stdout) for sample in family.samples]
    build = next(sample for sample in samples if sample.name == "jobgauge_build_info")
    assert build.labels["program"] == "jobgauge-job-exporter"
    assert {sample.labels.get("cluster") for sample in samples} == {"c1"}


def test_once_fails_where_a_collector_does(arguments: list[str]) -> None:
    program = (
        "import sys, jobgauge_job.jobs as jobs\n"
        "from jobgauge.errors import SourceError\n"
        "def refresh(self): raise SourceError('scope cannot be listed')\n"
        "jobs.JobTable.refresh = refresh\n"
        "from jobgauge_job.cli import main\n"
        "sys.exit(main())\n"
    )
    once = subprocess.run(
        [sys.executable, "-c", program, "--once", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert once.returncode == 1
    assert 'jobgauge_collector_success{collector="jobs"} 0' in once.stdout
    assert "scope cannot be listed" in once.stderr


def test_pages(tmp_path: Path, arguments: list[str]) -> None:
    with serving(tmp_path, *arguments) as exporter:
        assert exporter.get("/-/healthy")[0] == 200
        status, kind, page = exporter.get("/")
        assert (status, kind) == (200, "text/html; charset=utf-8")
        assert 'href="/metrics"' in page
        assert exporter.get("/nothing")[0] == 404

        status, kind, page = exporter.get("/metrics")
        assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
        status, kind, page = exporter.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert kind.startswith("application/openmetrics-text; version=1.0.0")
        assert list(parse_openmetrics(page))

        assert {"own", "jobs", "cpu", "memory"} <= exporter.collectors()
        assert exporter.collectors("?collect[]=cpu") == {"own", "jobs", "cpu"}
        assert exporter.collectors("?exclude[]=cpu") == exporter.collectors() - {"cpu"}
        for query, said in [
            ("?collect[]=gpus&collect[]=cpu", "unknown collector 'gpus'"),
            ("?collect[]=cpu&exclude[]=memory", "not both"),
        ]:
            status, _, text = exporter.get("/metrics" + query)
            assert (status, said in text) == (400, True)


def test_a_switched_off_collector_is_gone(tmp_path: Path, arguments: list[str]) -> None:
    with serving(tmp_path, "--no-collector.cpu", *arguments) as exporter:
        assert "cpu" not in exporter.collectors()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(tmp_path: Path, arguments: list[str], number: signal.Signals) -> None:
    with serving(tmp_path, *arguments) as exporter:
        exporter.process.send_signal(number)
        assert exporter.process.wait(20) == 0


def test_a_reload_takes_a_good_file_and_keeps_the_old_one_for_a_bad_one(
    tmp_path: Path, arguments: list[str]
) -> None:
    file = tmp_path / "settings.yml"
    file.write_text("collector.memory: false\n")
    with serving(tmp_path, f"--config.file={file}", *arguments) as exporter:
        before = exporter.collectors()
        assert "memory" not in before

        file.write_text("collector.memroy: true\n")
        exporter.process.send_signal(signal.SIGHUP)
        assert "did you mean 'collector.memory'" in exporter.logged("is not used")
        assert exporter.collectors() == before

        file.write_text("collector.memory: true\ncluster: other\n")
        exporter.process.send_signal(signal.SIGHUP)
        exporter.logged("configuration reloaded")
        assert (
            exporter.logged("take effect at the next start")
            == "changes of cluster take effect at the next start"
        )
        assert exporter.collectors() == before | {"memory"}


def test_a_taken_port_is_named(tmp_path: Path, arguments: list[str]) -> None:
    with serving(tmp_path, *arguments) as exporter:
        address = exporter.url.removeprefix("http://")
        second = run(f"--web.listen-address={address}", *arguments)
        assert second.returncode == 2
        assert address in second.stderr
