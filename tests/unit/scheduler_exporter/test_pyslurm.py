"""pyslurm: refused where it does not fit, killed where it hangs, and read like squeue where it works.

A module of the same shape stands in for it: the real one builds against one version of Slurm only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobgauge.errors import CommandError, ConfigError
from jobgauge_scheduler.backends import choose, slurm_pyslurm
from jobgauge_scheduler.config import SchedulerConfig
from jobgauge_scheduler.model import Job, Source
from jobgauge_scheduler.slurm import squeue
from tests.support.slurm import FIXTURES, MARK, clients, program

# Reads the recorded JSON, and answers as pyslurm 25.11 does: plain attributes, no % in sets of tasks, and an error where a
# text is not UTF-8 or a time is not set.
STAND_IN = """
import json
__version__ = "25.11.2"

class Gpu:
    type, count = None, 0

class Job:
    def __init__(self, record):
        number = lambda value: value["number"] if value["set"] and not value["infinite"] else None
        self.__dict__.update({name: record[name] for name in ("account", "partition", "qos", "user_id", "state_reason")})
        self.id, self._name = record["job_id"], record["name"]
        self.user_name = record["user_name"] or str(record["user_id"])
        states = record["job_state"]
        self.state = "COMPLETING" if "COMPLETING" in states else states[0]
        self.array_id = number(record["array_job_id"]) or None
        self.array_task_id = number(record["array_task_id"])
        waiting = record["array_task_string"]
        self.array_tasks_waiting = waiting.partition("%")[0] or None
        if waiting.isdigit():
            self.array_tasks_waiting, self.array_task_id = None, int(waiting)
        self.cpus, self.num_nodes = number(record["cpus"]), number(record["node_count"])
        tres = dict(item.split("=") for item in (record["tres_alloc_str"] or record["tres_req_str"]).split(","))
        self.memory = int(tres["mem"].rstrip("M"))
        self.gpus = {}
        if "gres/gpu" in tres:
            gpu = self.gpus["gpu"] = Gpu()
            gpu.count = int(tres["gres/gpu"])
            if record["tres_per_node"]:
                gpu.type = record["tres_per_node"].split(":")[1]
        self.priority, self.time_limit = number(record["priority"]), number(record["time_limit"])
        for when in ("submit", "eligible", "start", "end"):
            setattr(self, f"{when}_time", number(record[f"{when}_time"]) or None)
        self.allocated_nodes, self.scheduled_nodes = record["nodes"] or None, record["scheduled_nodes"] or None

    @property
    def name(self):
        if "\\udcff" in self._name:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "invalid start byte")
        return self._name

class Jobs(dict):
    @staticmethod
    def load():
        text = open(FILE, "rb").read().decode("utf-8", "surrogateescape")
        return Jobs({record["job_id"]: Job(record) for record in json.loads(text)["jobs"]})
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Return a function that installs a module as pyslurm."""
    wrapper = program(tmp_path / "python", f'PYTHONPATH={tmp_path}/lib exec {sys.executable} "$@"')

    def put(text: str) -> None:
        (tmp_path / "lib").mkdir()
        (tmp_path / "lib" / "pyslurm.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path / "lib")
        for name in ("_CHECK", "_QUEUE"):
            command = getattr(slurm_pyslurm, name)
            monkeypatch.setattr(slurm_pyslurm, name, replace(command, argv=(str(wrapper), *command.argv[1:])))

    return put


def read(tmp_path: Path, **settings: object) -> tuple[Job, ...]:
    folder = clients(tmp_path / "bin", "26.05.5")
    config = SchedulerConfig(backend="slurm-pyslurm", slurm_bin_dir=str(folder), **settings)
    return choose(config).reads()[Source.JOBS]().value


def test_the_queue_is_the_same_as_by_text(tmp_path: Path, install) -> None:
    install(f"FILE = {str(FIXTURES / '26.05.5' / 'rest_jobs.json')!r}\n{STAND_IN}")
    expected = {
        job.id: job for job in squeue.parse([(FIXTURES / "26.05.5" / "squeue.txt").read_bytes()], MARK).value
    }
    (damaged,) = [job.id for job in expected.values() if "\udcff" in job.name]
    expected[damaged] = replace(expected[damaged], name="")
    assert {job.id: job for job in read(tmp_path)} == expected


def test_the_other_sources_come_by_the_commands(tmp_path: Path, install) -> None:
    install("__version__ = '25.11.2'")
    folder = clients(tmp_path / "bin", "26.05.5")
    backend = choose(SchedulerConfig(slurm_bin_dir=str(folder)))
    assert backend.name == "slurm-pyslurm", "the first that auto takes"
    assert backend.reads().keys() == set(Source)
    assert len(backend.reads()[Source.NODES]().value) == 4


@pytest.mark.parametrize(
    "text",
    [
        "raise ImportError('libslurm.so.44: cannot open shared object file: No such file or directory')",
        "import sys; sys.exit('fatal: libslurm.so.44 finds no slurm.conf')",
    ],
)
def test_one_that_does_not_fit_is_refused_with_what_to_do(tmp_path: Path, install, text: str) -> None:
    install(text)
    with pytest.raises(ConfigError, match=r"install the pyslurm of its version.*libslurm\.so\.44"):
        read(tmp_path)


def test_one_that_is_not_there_or_far_away_is_told() -> None:
    with pytest.raises(ConfigError, match="pyslurm is not installed"):
        choose(SchedulerConfig(backend="slurm-pyslurm"))
    with pytest.raises(ConfigError, match="does not work over ssh"):
        choose(SchedulerConfig(backend="slurm-pyslurm", ssh_host="head01"))


def test_one_that_hangs_is_killed(tmp_path: Path, install) -> None:
    install("__version__ = '1'\nimport time\nclass Jobs:\n    load = staticmethod(lambda: time.sleep(60))\n")
    with pytest.raises(CommandError, match="did not answer in time"):
        read(tmp_path, command_timeout=1.0)


def test_one_that_breaks_is_no_empty_queue(tmp_path: Path, install) -> None:
    install(
        "__version__ = '1'\nclass Jobs:\n    def load():\n        raise RuntimeError('Unable to contact slurm controller')\n"
    )
    with pytest.raises(CommandError, match="Unable to contact slurm controller"):
        read(tmp_path)
