"""Which alerts the simulation says should fire, counted here from the jobs themselves."""

import pytest

from jobgauge_demo.cluster import Cluster
from jobgauge_demo.truth import expected

NOON = 1_795_262_400


@pytest.mark.parametrize("hour", range(0, 48, 5))
def test_what_must_fire_may_fire_and_is_about_wasteful_jobs_only(hour: int) -> None:
    cluster = Cluster(3, 10, 12)
    t = NOON + hour * 3600
    must, may = expected(cluster, t)
    assert must <= may
    running = {str(job.id): job for job in cluster.running(t)}
    for _, job_id in must:
        job = running[job_id]
        assert t - job.start > 900
        assert job.template.habit.wastes
    old = [j for j in running.values() if j.template.habit.name == "one-core" and t - j.start > 3000]
    assert {("JobOneBusyCore", str(job.id)) for job in old} <= must


def test_an_alert_may_stay_for_a_while_after_its_job() -> None:
    cluster = Cluster(1, 8, 12)
    lane = next(lane for lane in cluster.lanes if lane.template.habit.name == "one-core")
    job = cluster.job(lane, lane.current(NOON))
    assert job is not None
    alert = ("JobOneBusyCore", str(job.id))
    assert alert in expected(cluster, job.end - 1)[0]
    must, may = expected(cluster, job.end + 60)
    assert (alert in must, alert in may) == (False, True)
    assert alert not in expected(cluster, job.end + 1300)[1]
    assert alert not in expected(cluster, job.start + 600)[0]
