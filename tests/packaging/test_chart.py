"""The Helm chart, rendered by the real helm, against Kubernetes' own schemas, promtool, and the files that it copies."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from jobgauge import __version__
from jobgauge.rules import main as write_rules

ROOT = Path(__file__).parents[2]
HELM = ROOT / "build/helm"  # made by `make chart` and `make system`
CHART = ROOT / "helm/jobgauge"
VALUES = sorted(CHART.glob("ci/*-values.yaml"))
KUBERNETES = ["1.25", "1.29", "1.33", "1.37"]
OF_THE_OPERATOR = {
    "PodMonitor",
    "PrometheusRule",
    "ScrapeConfig",
}  # kubernetes-validate has no schema of these
Objects = dict[tuple[str, str], dict[str, Any]]

pytestmark = pytest.mark.system


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HELM, *arguments], capture_output=True, text=True, check=False)


def render(*arguments: str | Path, kubernetes: str = "1.33") -> Objects:
    done = helm("template", "r", CHART, "--namespace", "hpc", "--kube-version", kubernetes, *arguments)
    assert done.returncode == 0, done.stderr
    found: Objects = {}
    for each in yaml.safe_load_all(done.stdout):
        if each:
            name = each["kind"], each["metadata"]["name"]
            assert name not in found, name
            found[name] = each
    return found


@pytest.fixture(scope="module")
def everything() -> Objects:
    return render("--values", CHART / "ci/everything-values.yaml")


def pod(everything: Objects, kind: str, component: str) -> dict[str, Any]:
    return dict(everything[kind, f"r-jobgauge-{component}"]["spec"]["template"]["spec"])


def test_one_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__


def test_the_copies_are_what_they_copy(tmp_path: Path) -> None:
    assert write_rules(["--out", str(tmp_path)]) == 0
    for source, copy in (
        (tmp_path, CHART / "files/rules"),
        (ROOT / "dashboards/json", CHART / "files/dashboards"),
    ):
        wanted = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
        there = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
        assert there == wanted, "run `make generate`"


@pytest.mark.parametrize("values", [CHART / "values.yaml", *VALUES], ids=lambda path: path.stem)
def test_lint(values: Path) -> None:
    done = helm("lint", "--strict", CHART, "--values", values)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("values", [CHART / "values.yaml", *VALUES], ids=lambda path: path.stem)
def test_kubernetes_knows_every_field(values: Path) -> None:
    for version in KUBERNETES:
        objects = render("--values", values, kubernetes=version)
        checked = [each for (kind, _), each in objects.items() if kind not in OF_THE_OPERATOR]
        assert checked
        for each in checked:
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("gatway.enabled=true", "gatway"),
        ("gateway.replica=3", "replica"),
        ("gateway.replicas=many", "replicas"),
        ("gateway.enabled=true", "channelSecret"),
        ("image.digest=sha256:12", "digest"),
        ("monitoring.mode=magic", "mode"),
        ("externalTargets.jobExporters={node01}", "externalTargets.jobExporters"),
        ("jobExporter.jobFacts=relative", "jobFacts"),
        ("grafana.datasource=true", "grafana.datasourceUrl"),
        (r"alertmanager.files.jobgauge\.tmpl=x", "alertmanager.yml"),
        ("schedulerExporter.enabled=true,schedulerExporter.config.backend=slurm-rest", "tokenSecret"),
    ],
)
def test_a_wrong_value_is_refused_by_name(setting: str, named: str) -> None:
    done = helm("template", "r", CHART, "--kube-version", "1.33", "--set", setting)
    assert done.returncode != 0
    assert named in done.stderr


def test_every_value_is_explained_or_plain() -> None:
    for path in (CHART / "values.yaml", *VALUES):
        assert path.read_text().startswith("#"), path


def promtool_accepts(folder: Path) -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", *sorted(folder.glob("*.yml"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def groups(folder: Path) -> list[Any]:
    return [
        group for path in sorted(folder.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]
    ]


def test_the_operator_gets_the_rules(everything: Objects, tmp_path: Path) -> None:
    for (kind, name), each in everything.items():
        if kind == "PrometheusRule":
            (tmp_path / f"{name}.yml").write_text(yaml.dump(each["spec"]))
            assert each["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    promtool_accepts(tmp_path)
    assert groups(tmp_path) == groups(CHART / "files/rules")


def test_a_prometheus_without_the_operator_gets_the_rules_and_targets(tmp_path: Path) -> None:
    objects = render("--values", CHART / "ci/external-values.yaml")
    for name, text in objects["ConfigMap", "r-jobgauge-rules"]["data"].items():
        (tmp_path / name).write_text(text)
    promtool_accepts(tmp_path)
    assert groups(tmp_path) == groups(CHART / "files/rules")
    scrape = tmp_path / "prometheus.yaml"
    scrape.write_text(objects["ConfigMap", "r-jobgauge-scrape"]["data"]["jobgauge.yml"])
    done = subprocess.run(
        ["promtool", "check", "config", scrape], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = {
        job["job_name"]: job["static_configs"] for job in yaml.safe_load(scrape.read_text())["scrape_configs"]
    }
    assert jobs == {
        "jobgauge-job-exporter": [
            {"targets": ["node01:9794", "[fd00::1]:9794"], "labels": {"cluster": "hpc1"}}
        ],
        "jobgauge-scheduler-exporter": [{"targets": ["head01:9795"], "labels": {"cluster": "hpc1"}}],
    }


def test_a_sites_own_rules_replace_the_charts(tmp_path: Path) -> None:
    assert write_rules(["--out", str(tmp_path), "--job.cpu-low=0.11"]) == 0
    objects = render("--set-file", rf"rules.files.cpu\.alerts\.yml={tmp_path / 'cpu.alerts.yml'}")
    cpu = objects["PrometheusRule", "r-jobgauge-cpu-alerts"]["spec"]["groups"]
    assert cpu == yaml.safe_load((tmp_path / "cpu.alerts.yml").read_text())["groups"]
    assert cpu != yaml.safe_load((CHART / "files/rules/cpu.alerts.yml").read_text())["groups"]


@pytest.mark.parametrize(
    ("mode", "kind", "file", "content"),
    [
        ("operator", "Secret", "alertmanager.yaml", "stringData"),
        ("annotations", "ConfigMap", "alertmanager.yml", "data"),
    ],
)
def test_alertmanager_gets_its_configuration(
    mode: str, kind: str, file: str, content: str, tmp_path: Path
) -> None:
    written = tmp_path / "written"
    assert write_rules(["alertmanager", "--out", str(written), "--mail.admins=hpc@example.org"]) == 0
    given = [
        f"alertmanager.files.{path.name.replace('.', chr(92) + '.')}={path}"
        for path in sorted(written.iterdir())
    ]
    objects = render(
        *(part for each in given for part in ("--set-file", each)), "--set", f"monitoring.mode={mode}"
    )
    files = objects[kind, "r-jobgauge-alertmanager"][content]
    assert files["jobgauge.tmpl"] == (written / "jobgauge.tmpl").read_text()
    config = yaml.safe_load(files[file])
    if mode == "operator":
        assert config.pop("templates") == ["/etc/alertmanager/config/*.tmpl"]
        config["templates"] = ["jobgauge.tmpl"]
    assert config == yaml.safe_load((written / "alertmanager.yml").read_text())


def test_the_boards_are_ours_byte_for_byte(everything: Objects) -> None:
    boards = {path.name: path.read_text() for path in (ROOT / "dashboards/json").glob("*/*.json")}
    rendered: dict[str, str] = {}
    for (kind, name), each in everything.items():
        if kind == "ConfigMap" and "-board-" in name:
            rendered |= each["data"]
            assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
            assert each["metadata"]["annotations"]["grafana_folder"].startswith("Jobgauge ")
    assert rendered == boards


def test_selectors_never_change(everything: Objects) -> None:
    """An upgrade that changes one is refused by Kubernetes."""
    for kind, component in (
        ("DaemonSet", "job-exporter"),
        ("Deployment", "scheduler-exporter"),
        ("Deployment", "gateway"),
    ):
        assert everything[kind, f"r-jobgauge-{component}"]["spec"]["selector"]["matchLabels"] == {
            "app.kubernetes.io/name": "jobgauge",
            "app.kubernetes.io/instance": "r",
            "app.kubernetes.io/component": component,
        }


@pytest.mark.parametrize(
    ("kind", "component"),
    [("DaemonSet", "job-exporter"), ("Deployment", "scheduler-exporter"), ("Deployment", "gateway")],
)
def test_pods_are_restricted(everything: Objects, kind: str, component: str) -> None:
    """As pod-security level `restricted` wants it, but for the volumes of the node, which are read-only."""
    spec = pod(everything, kind, component)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostPID", "hostNetwork", "hostIPC"} & spec.keys()
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["name"]: mount for mount in container["volumeMounts"]}
    from_the_node = [volume["name"] for volume in spec["volumes"] if "hostPath" in volume]
    assert (component == "gateway") == (not from_the_node)
    if component == "job-exporter":
        assert all(mounted[name]["readOnly"] for name in from_the_node)


def test_what_a_pod_would_read_wrongly_is_off(everything: Objects) -> None:
    """/proc/net is that of the reader's own network namespace, wherever /proc is mounted."""
    config = yaml.safe_load(everything["ConfigMap", "r-jobgauge-job-exporter"]["data"]["job-exporter.yaml"])
    assert config["collector"]["network"] is False
    assert "hostNetwork" not in pod(everything, "DaemonSet", "job-exporter")


def test_a_pod_keeps_no_more_memory_than_the_unit(everything: Objects) -> None:
    unit = (ROOT / "scheduler_exporter/systemd/jobgauge-scheduler-exporter.service").read_text()
    image = (ROOT / "packaging/container/Containerfile").read_text()
    (container,) = pod(everything, "Deployment", "scheduler-exporter")["containers"]
    said = {f"{variable['name']}={variable['value']}" for variable in container["env"]}
    assert said | set(re.findall(r"MALLOC_\w+=\w+", image)) == set(re.findall(r"MALLOC_\w+=\w+", unit))


def test_no_secret_is_rendered(everything: Objects) -> None:
    assert not [name for kind, name in everything if kind == "Secret"]
    source = yaml.safe_load(everything["ConfigMap", "r-jobgauge-datasource"]["data"]["jobgauge.yaml"])[
        "datasources"
    ][0]
    assert source["secureJsonData"] == {"httpHeaderValue1": "$__env{JOBGAUGE_CHANNEL_SECRET}"}
    assert source["url"] == "http://r-jobgauge-gateway.hpc.svc:9796"
    volumes = {volume["name"]: volume for volume in pod(everything, "Deployment", "gateway")["volumes"]}
    assert volumes["channel"]["secret"]["secretName"] == "jobgauge-channel"


def test_exporters_behind_tls_and_slurmrestds_token_come_by_secrets() -> None:
    objects = render("--values", CHART / "ci/slurmrestd-values.yaml")
    wanted = {"web": "jobgauge-web", "token": "slurmrestd-token"}
    for kind, component, names in (
        ("DaemonSet", "job-exporter", {"web"}),
        ("Deployment", "scheduler-exporter", {"web", "token"}),
    ):
        spec = pod(objects, kind, component)
        secrets = {
            volume["name"]: volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume
        }
        assert secrets == {name: wanted[name] for name in names}
        (container,) = spec["containers"]
        assert "--web.config.file=/run/secrets/web/web.yml" in container["args"]
        assert container["livenessProbe"] == {"tcpSocket": {"port": "metrics"}}
        (endpoint,) = objects["PodMonitor", f"r-jobgauge-{component}"]["spec"]["podMetricsEndpoints"]
        assert (endpoint["scheme"], endpoint["tlsConfig"]["serverName"]) == ("https", "jobgauge")
    assert "--slurmrest.token-file=/run/secrets/slurmrestd/token" in container["args"]


def test_a_sites_own_board_replaces_the_charts() -> None:
    objects = render("--values", CHART / "ci/slurmrestd-values.yaml")
    assert "Our job" in objects["ConfigMap", "r-jobgauge-board-job"]["data"]["jobgauge-job.json"]
    others = [
        each["data"] for (kind, name), each in objects.items() if kind == "ConfigMap" and "-board-" in name
    ]
    assert len(others) == len([*(ROOT / "dashboards/json").glob("*/*.json")])


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_programs_accept_their_configuration_and_flags(values: Path, tmp_path: Path) -> None:
    objects = render("--values", values)
    for secret, text in {
        "channel": "0123456789abcdef0123456789abcdef",
        "token": "t",
        "web.yml": "{}",
    }.items():
        (tmp_path / secret).write_text(text)
        (tmp_path / secret).chmod(0o440)
    programs = [(kind, name) for kind, name in objects if kind in ("DaemonSet", "Deployment")]
    assert programs
    for kind, name in programs:
        for file, text in objects["ConfigMap", name]["data"].items():
            (tmp_path / file).write_text(text)
        (container,) = objects[kind, name]["spec"]["template"]["spec"]["containers"]
        command = [
            re.sub(r"=/(etc/jobgauge|run/secrets/\w+)/", f"={tmp_path}/", argument)
            for argument in container["args"]
        ]
        done = subprocess.run(
            [*_here(command), "--check-config"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def _here(command: list[str]) -> list[str]:
    module = {"job": "jobgauge_job", "scheduler": "jobgauge_scheduler", "gateway": "jobgauge_gateway"}
    package = module[command[0].split("-")[1]]
    program = f"import sys; from {package}.cli import main; sys.exit(main())"
    return [sys.executable, "-c", program, *command[1:]]


def test_side_doors_are_closed(everything: Objects) -> None:
    for component in ("job-exporter", "scheduler-exporter", "gateway"):
        policy = everything["NetworkPolicy", f"r-jobgauge-{component}"]["spec"]
        assert policy["policyTypes"] == ["Ingress"]
        assert all(rule["from"] and rule["ports"] for rule in policy["ingress"])
    closed = everything["NetworkPolicy", "r-jobgauge-prometheus"]
    assert closed["metadata"]["namespace"] == "monitoring"
    admitted = closed["spec"]["ingress"][0]["from"]
    assert admitted[0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert len(admitted) == 2


def test_a_new_pod_begins_no_new_series(everything: Objects) -> None:
    relabelings = everything["PodMonitor", "r-jobgauge-job-exporter"]["spec"]["podMetricsEndpoints"][0][
        "relabelings"
    ]
    assert {"action": "labeldrop", "regex": "pod|container|endpoint|namespace"} in relabelings
    assert {"targetLabel": "instance", "sourceLabels": ["__meta_kubernetes_pod_node_name"]} in relabelings
    assert {"targetLabel": "job", "replacement": "jobgauge-job-exporter"} in relabelings
    assert {"targetLabel": "cluster", "replacement": "hpc1"} in relabelings


def test_the_values_on_the_operators_page_render(tmp_path: Path) -> None:
    values = tmp_path / "my-values.yaml"
    (values_text,) = re.findall(
        r"```yaml\n(# my-values\.yaml.*?)```", (ROOT / "docs/operators.md").read_text(), re.DOTALL
    )
    values.write_text(values_text)
    assert ("Deployment", "r-jobgauge-gateway") in render("--values", values)
    page = (ROOT / "docs/operators.md").read_text()
    settings = re.findall(
        r"--set (\S+)", page[page.index("With slurmrestd") : page.index("`web.configSecret`")]
    )
    exporter = render("--values", values, *(part for each in settings for part in ("--set", each)))
    assert "--slurmrest.token-file=/run/secrets/slurmrestd/token" in str(
        pod(exporter, "Deployment", "scheduler-exporter")
    )


def test_the_prometheus_configuration_on_the_operators_page_is_one(tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    (text,) = re.findall(r"```yaml\n(global:.*?)```", (ROOT / "docs/operators.md").read_text(), re.DOTALL)
    config.write_text(text)
    done = subprocess.run(
        ["promtool", "check", "config", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
