"""The chart's objects, applied to a real kube-apiserver."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.test_chart import CHART, VALUES, render
from tests.support.kubernetes import Kubernetes, running_kubernetes

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]  # a fixture starts the server


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with running_kubernetes(tmp_path_factory.mktemp("kubernetes")) as running:
        running.namespace("monitoring")
        yield running


@pytest.mark.parametrize("values", [CHART / "values.yaml", *VALUES], ids=lambda path: path.stem)
def test_the_server_takes_every_object(values: Path, kubernetes: Kubernetes) -> None:
    """Twice: the second time is an upgrade, in which what must not change is refused."""
    place = values.stem
    kubernetes.namespace(place)
    for replicas in (2, 3):
        objects = render("--namespace", place, "--values", values, "--set", f"gateway.replicas={replicas}")
        assert objects
        for name, manifest in objects.items():
            applied = kubernetes.apply(manifest, place)
            assert applied.status in (200, 201), (name, applied.answer.get("message"))
            assert not applied.warnings, (name, applied.warnings)


def test_a_field_that_kubernetes_does_not_know_is_refused(kubernetes: Kubernetes) -> None:
    """Which shows that the test above can fail."""
    manifest = render()["DaemonSet", "r-jobgauge-job-exporter"]
    manifest["spec"]["template"]["spec"]["hostPids"] = True
    assert kubernetes.apply(manifest, "default", dry_run=True).status == 500
    monitor = render()["PodMonitor", "r-jobgauge-job-exporter"]
    monitor["spec"]["podMetricsEndpoints"][0]["interval"] = "often"
    assert kubernetes.apply(monitor, "default", dry_run=True).status == 422


def _complaints(kubernetes: Kubernetes, kind: str, component: str, level: str, values: str) -> list[str]:
    """Return what a namespace of a pod-security level would say about the pods of a component."""
    place = f"{level}-{component}"
    kubernetes.namespace(place, **{"pod-security.kubernetes.io/warn": level})
    manifest: dict[str, Any] = render("--values", CHART / f"ci/{values}-values.yaml")[
        kind, f"r-jobgauge-{component}"
    ]
    applied = kubernetes.apply(manifest, place)
    assert applied.status == 201, applied.answer
    return applied.warnings


@pytest.mark.parametrize(
    ("kind", "component", "values"),
    [("Deployment", "gateway", "everything"), ("Deployment", "scheduler-exporter", "slurmrestd")],
)
def test_pods_fit_the_level_restricted(
    kubernetes: Kubernetes, kind: str, component: str, values: str
) -> None:
    assert _complaints(kubernetes, kind, component, "restricted", values) == []


def test_the_job_exporters_pods_exceed_it_by_the_nodes_folders_only(kubernetes: Kubernetes) -> None:
    (said,) = _complaints(kubernetes, "DaemonSet", "job-exporter", "restricted", "everything")
    assert said.count("volume") > 0
    assert "hostPath" in said
    assert not [each for each in ("runAsNonRoot", "seccomp", "capabilities", "privileged=") if each in said]
