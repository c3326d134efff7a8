"""Whose a GPU's errors are when jobs come and go between two looks."""

from __future__ import annotations

from jobgauge_job.jobs import Job
from jobgauge_job.layouts.base import Place
from jobgauge_job.layouts.slurm_v2 import SlurmV2
from jobgauge_job.sources.gpu import Gpu
from jobgauge_job.xids import XidShare


def job(jobid: str) -> Job:
    found = Job(SlurmV2("/nowhere"), Place("scope", f"job_{jobid}", int(jobid)), jobid)
    found.labels = (jobid, "alice", "a")
    return found


def gpu(**errors: int) -> Gpu:
    return Gpu("0", "GPU-0", "model", values={("xid", name[1:]): count for name, count in errors.items()})


A, B = job("1"), job("2")
BOTH = (A, B)


def counted(*looks: tuple[Gpu, list[Job]], shown: tuple[Job, ...] = BOTH) -> dict[tuple[str, ...], float]:
    share = XidShare()
    for seen, holders in looks:
        share.update([seen], {"GPU-0": holders}, shown)
    return dict(share.series())


def test_errors_between_two_looks_are_the_holders() -> None:
    looks = [(gpu(x31=1), [A]), (gpu(x31=1, x13=1), [A]), (gpu(x31=4, x13=1), [A])]
    assert counted(*looks) == {("1", "alice", "a", "0", "31"): 3, ("1", "alice", "a", "0", "13"): 1}


def test_errors_across_a_change_of_jobs_are_nobodys() -> None:
    assert counted((gpu(), [A]), (gpu(x31=1), [B])) == {}
    assert counted((gpu(), [A]), (gpu(x31=1), [A, B])) == {}
    assert counted((gpu(), [A, B]), (gpu(x31=1), [A, B])) == {}
    assert counted((gpu(), []), (gpu(x31=1), [A])) == {}


def test_errors_after_the_end_are_the_jobs_until_another_comes() -> None:
    looks = [
        (gpu(), [A]),
        (gpu(), []),
        (gpu(x79=1), []),
        (gpu(x79=1), [B]),
        (gpu(x79=2), []),
        (gpu(x79=3), [A]),
    ]
    assert counted(*looks) == {("1", "alice", "a", "0", "79"): 1, ("2", "alice", "a", "0", "79"): 1}


def test_a_job_that_is_not_shown_any_more_leaves_nothing() -> None:
    share = XidShare()
    for seen, holders, shown in (
        (gpu(), [A], BOTH),
        (gpu(x31=1), [A], BOTH),
        (gpu(x31=2), [], (B,)),
        (gpu(x31=3), [], BOTH),
    ):
        share.update([seen], {"GPU-0": holders}, shown)
    assert not list(share.series())
