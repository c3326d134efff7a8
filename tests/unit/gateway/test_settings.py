"""The gateway's settings, the names it publishes, and the times it reads."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from jobgauge.catalogue import FAMILIES
from jobgauge.config import Loader
from jobgauge.errors import ConfigError
from jobgauge.family import Audience
from jobgauge_gateway import times
from jobgauge_gateway.audit import others
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.names import audience_of_rule, published, recorded
from jobgauge_gateway.problem import Problem
from tests.support.gateway import COMMAND

ROOT = Path(__file__).parents[3]


def checked(tmp_path: Path, text: str) -> tuple[int, str]:
    """Run --check-config on a file."""
    file = tmp_path / "gateway.yml"
    file.write_text(text.replace("@", str(tmp_path)))
    result = subprocess.run(
        [COMMAND, "--check-config", f"--config.file={file}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"]},
    )
    return result.returncode, result.stdout + result.stderr


def test_without_settings_nobody_is_let_in_and_that_is_said() -> None:
    result = subprocess.run(
        [COMMAND, "--check-config"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "nobody is let in" in result.stdout


BAD = {
    "upstream: {ulr: http://x}": "did you mean 'upstream.url'",
    "upstream: {url: prometheus:9090}": "http://127.0.0.1:9090",
    "upstream: {url: 'http://prometheus:99999'}": "upstream.url",
    "upstream: {url: 'http://prometheus/a b'}": "http://127.0.0.1:9090",
    "upstream: {kind: influx}": "victoriametrics",
    "upstream: {header: [X]}": "X-Scope-OrgID",
    "upstream: {ca-file: /nonexistent}": "/nonexistent",
    "identity: {method: [grafana-user]}": "channel.secret-file",
    "identity: {method: [grafana-id, grafana-user]}": "choose one",
    "identity: {method: [header]}": "none of",
    "identity: {method: [token]}": "tokens-file",
    "identity: {method: [unix]}": "unix:PATH",
    "identity: {method: [certificate]}": "certificates-file",
    "people: {ldap: {url: [ldap://x]}}": "people.ldap.base",
    "people: {ldap: {url: [x]}}": "ldaps://",
    "workers: 0": "above zero",
    "{identity: {method: [grafana-id]}, channel: {secret-file: @/short}}": "16 characters",
    "{identity: {method: [grafana-id]}, channel: {secret-file: @/open}}": "chmod o-rw",
    "{identity: {method: [grafana-id]}, channel: {secret-file: @/none}}": "No such file",
    "{identity: {method: [token], tokens-file: @/tokens}}": "64 hex digits",
    "people: {leader: [pia]}": "pia=physics",
    "people: {file: @/none}": "No such file",
    "people: {keep: 1s}": "people.refresh",
    "limits: {per-user: 30}": "limits.concurrent",
    "limits: {bytes: 0}": "above zero",
    "metrics: {public: ['hpc_.*']}": "exact name",
    "web: {listen-address: ['9796']}": "no address",
}


@pytest.mark.system
@pytest.mark.parametrize("text", BAD)
def test_a_wrong_setting_is_named_with_what_to_write(tmp_path: Path, text: str) -> None:
    for name, content, mode in (
        ("short", "abc", 0o600),
        ("open", "x" * 40, 0o644),
        ("tokens", "bot: abc", 0o600),
    ):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    code, said = checked(tmp_path, text)
    assert code == 2
    assert BAD[text] in said
    assert "Traceback" not in said


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    argv = ["--upstream.url=http://me:secret@prometheus:9090"]
    with pytest.raises(ConfigError, match="authorization-file") as caught:
        Loader(GatewayConfig, program="x", about="", argv=argv, environment={}).load()
    assert "secret" not in str(caught.value)


def test_the_example_is_read_and_says_what_the_defaults_are() -> None:
    example = ROOT / "exporters/jobgauge_gateway/gateway.example.yml"
    loader = Loader(GatewayConfig, program="x", about="", argv=[f"--config.file={example}"], environment={})
    assert loader.load().methods == ("grafana-id",)
    assert yaml.safe_load(example.read_text())


# What is published


def test_what_the_catalogue_marks_is_published_with_every_series_of_a_histogram() -> None:
    names = published(GatewayConfig())
    assert "jobgauge_build_info" in names.public
    owned = {
        family.name for family in FAMILIES.values() if family.audience in (Audience.OWNER, Audience.STAFF)
    }
    assert not owned & (names.public | names.account)
    for family in FAMILIES.values():
        if family.audience is Audience.PUBLIC:
            series = [f"{family.name}{end}" for end in ("_bucket", "_sum", "_count")]
            assert {family.name} <= names.public or set(series) <= names.public


@pytest.mark.parametrize(
    ("name", "audience"),
    [
        ("cluster:hpc_job_cpus_used:sum", Audience.PUBLIC),
        ("cluster_partition_reason:hpc_sched_pending_jobs:sum", Audience.PUBLIC),
        ("cluster_account:hpc_job_cpus_held:sum", Audience.ACCOUNT),
        ("cluster_account_state:hpc_sched_jobs:sum", Audience.ACCOUNT),
        ("cluster_user_account:hpc_job_cpus_held:sum", Audience.OWNER),
        ("job:hpc_job_cpus_held:sum", Audience.OWNER),
        ("job_node:hpc_job_cpus_used:rate", Audience.OWNER),
        ("node:hpc_node_power:sum", Audience.OWNER),
        ("cluster_jobid:x:sum", Audience.OWNER),
        (":x:sum", Audience.OWNER),
        ("x", Audience.OWNER),
    ],
)
def test_a_recorded_name_says_who_may_see_it(name: str, audience: Audience) -> None:
    assert audience_of_rule(name) is audience


def test_no_recorded_total_keeps_a_label_that_names_people() -> None:
    assert len(recorded()) > 40
    names = published(GatewayConfig())
    for name in recorded():
        labels = name.partition(":")[0].split("_")
        assert not ({"user", "job", "jobid"} & set(labels) and name in names.public | names.account), name


def test_the_site_has_the_last_word() -> None:
    config = GatewayConfig(
        public=("a", "b"),
        account=("b", "c"),
        private=("c", "jobgauge_build_info", "cluster:hpc_job_cpus_used:sum"),
    )
    names = published(config)
    assert {"a"} == {"a", "b", "c"} & names.public  # b is listed for both: fewer people see it
    assert {"b"} == {"a", "b", "c"} & names.account
    assert not {"jobgauge_build_info", "cluster:hpc_job_cpus_used:sum"} & (names.public | names.account)
    assert published(GatewayConfig(default_metrics=False, public=("a",))).public == {"a"}


# Times


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1700000000", 1_700_000_000),
        ("1700000000.123", 1_700_000_000.123),
        ("1.7e9", 1_700_000_000),
        ("-1", -1),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14T23:13:20.5+01:00", 1_700_000_000.5),
    ],
)
def test_times_are_read_as_prometheus_reads_them(text: str, seconds: float) -> None:
    assert times.instant("time", text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "now", "nan", "inf", "-Inf", "0x10", "1_000", "1e999", "٣", "1 ", "\n1", "2023-11-14", "2023-11-14T22:13:20", "20231114T221320Z", "1e12"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        times.instant("time", text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15", 15),
        ("0.5", 0.5),
        ("30s", 30),
        ("1h30m", 5400),
        ("1d", 86400),
        ("100ms", 0.1),
        ("1y2w", 32_745_600),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert times.duration("step", text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "0", "-5", "0s", "5x", "1m1h", "nan", "1e99", "5 m", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        times.duration("step", text)


# Whom staff look at


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ('{__name__="a",user="bob"}', ("user=bob",)),
        ('{user=~"b.*"} + {user="bob"}', ("user=b.*", "user=bob")),
        ('{user="sam"}', ()),
        ('{user!="bob"}', ()),
        ('{__name__="a",jobid="7"}', ("jobid=7",)),
        ('{__name__="x,user=\\"bob\\""}', ()),
        ('{a=",user=",b="c"}', ()),
        ('{a="{user=",user="bob"}', ("user=bob",)),
        ('{superuser="bob"}', ()),
    ],
)
def test_whom_a_query_of_staff_names(sent: str, named: tuple[str, ...]) -> None:
    assert others(sent, "sam") == named
