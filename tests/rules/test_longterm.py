"""The README's recipe for years: Prometheus sends the hourly and daily records, and nothing else, to a real VictoriaMetrics."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.support.remote_write import Written
from tests.support.servers import Server, running

README = Path(__file__).parents[2] / "recording_rules" / "README.md"
KEPT = (
    "cluster_user_account:hpc_job_cpu_held_seconds:sum1h",
    "cluster_user_account:hpc_job_energy_joules:sum1d",
    "cluster_user_account_state:hpc_sched_jobs_ended:increase1h",
    "cluster_user_account_state:hpc_sched_jobs_ended:increase1d",
)
LEFT = ("hpc_job_cpus", "job:hpc_job_cpus_held:sum", "cluster_user_account:hpc_job_cpus_held:sum", "ALERTS")


def names(server: Server) -> set[str]:
    server.flush()
    return set(server.ask("label/__name__/values", "GET")["data"])


@pytest.mark.system
@pytest.mark.parametrize("sender", ["prometheus-2", "prometheus-3"])
def test_only_what_is_to_be_kept_arrives(sender: str, tmp_path: Path) -> None:
    (recipe,) = re.findall(r"```yaml\n(remote_write:.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    with running("victoria-metrics", tmp_path / "store") as store:
        (tmp_path / "sender").mkdir()
        config = recipe.replace("http://long-term.example.org", store.url)
        assert store.url in config
        (tmp_path / "sender" / "prometheus.yml").write_text(config, encoding="utf-8")
        with running(sender, tmp_path / "sender") as prometheus:
            now = time.time() + 5  # what is older than its start it does not send
            for turn, batch in enumerate((LEFT + KEPT, ("level:last_of_all:sum1h",))):
                prometheus.feed(
                    Written({"__name__": name, "user": 'o"neil'}, [(now + turn, float(number))])
                    for number, name in enumerate(batch)
                )
            deadline = time.monotonic() + 60
            while "level:last_of_all:sum1h" not in names(store):
                assert time.monotonic() < deadline, names(store)
                time.sleep(0.2)
            assert names(store) == {*KEPT, "level:last_of_all:sum1h"}
            found = store.ask("query", query='{user="o\\"neil"}', time=now + 2)["data"]["result"]
            values = {one["metric"]["__name__"]: float(one["value"][1]) for one in found}
            assert values == {name: float(number + len(LEFT)) for number, name in enumerate(KEPT)} | {
                "level:last_of_all:sum1h": 0.0
            }
