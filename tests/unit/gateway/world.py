"""A small cluster's series, the people on it, and what each may see, told without the gateway's code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from jobgauge_gateway.policy import Published, Scope
from tests.support.prometheus import Series

START, STEPS, STEP = 1_699_999_200, 40, 60
NOW = START + 35 * STEP

PUBLIC = frozenset(["hpc_sched_nodes", "hpc_sched_jobs", "hpc_sched_wait_seconds_bucket"])
ACCOUNT = frozenset(["hpc_sched_limit", "hpc_sched_fairshare_ratio"])
PUBLISHED = Published(public=PUBLIC, account=ACCOUNT)

ALICE = Scope("alice", member_of=frozenset(["physics", "a.c"]))
CAROL = Scope("carol", member_of=frozenset(["physics"]), leads=frozenset(["chem"]))
DOT = Scope("al.ce")  # a pattern that would match alice
STAFF = Scope("root", staff=True)

JOBS = [
    # jobid, user, account, name of the job, which its owner chooses
    ("1", "alice", "physics", "relax"),
    ("2", "alice", "a.c", 'x"} or hpc_job_cpus{user="bob'),
    ("3", "bob", "physics", "bob's"),
    ("4", "bob", "chem", "back\\slash"),
    ("5", "carol", "chem", "first\nsecond"),
    ("6", "carol", "physics", "größe ☺"),
    ("7", "eve", "abc", "user=alice"),
    ("8", "alice2", "physics", ""),
    ("9", "Alice", "chem", "alice"),
    ("10", "al.ce", "chem", ".*"),
    ("11", "1000", "", "no name"),
]


def _of_jobs() -> Iterator[Series]:
    for jobid, user, account, name in JOBS:
        number = int(jobid)
        labels = {
            "jobid": jobid,
            "user": user,
            "account": account,
            "cluster": "emmy",
            "instance": f"n{number % 3}",
        }
        yield _series("hpc_job_cpus", labels, lambda i, n=number: 7 * n)
        yield _series("hpc_job_memory_usage_bytes", labels, lambda i, n=number: 1000 * n + (i * n) % 17)
        yield _series("sum", labels, lambda i, n=number: n + i)
        yield _series("and", labels, lambda i, n=number: n - i)
        yield _series("hpc_job_info", {**labels, "name": name}, lambda i: 1)
        for mode in ("user", "system"):
            yield _series(
                "hpc_job_cpu_seconds_total", {**labels, "mode": mode}, lambda i, n=number: 60 * i * n
            )
        for rank, le in enumerate(("1", "10", "+Inf"), 1):
            yield _series(
                "hpc_job_step_seconds_bucket", {**labels, "le": le}, lambda i, n=number, r=rank: i * n * r
            )


def _of_the_cluster() -> Iterator[Series]:
    for number, state in enumerate(("idle", "allocated", "down")):
        yield _series("hpc_sched_nodes", {"state": state}, lambda i, n=number: 100 * n + i)
    for number, (_, user, account, _) in enumerate(JOBS):
        yield _series(
            "hpc_sched_jobs", {"user": user, "account": account, "n": str(number)}, lambda i, n=number: n
        )
        yield _series(
            "hpc_sched_fairshare_ratio", {"user": user, "account": account, "n": str(number)}, lambda i: 0.5
        )
    for rank, le in enumerate(("60", "3600", "+Inf"), 1):
        yield _series(
            "hpc_sched_wait_seconds_bucket", {"le": le, "partition": "main"}, lambda i, r=rank: i * r
        )
    for number, account in enumerate(("physics", "chem", "a.c", "abc", "")):
        yield _series("hpc_sched_limit", {"account": account, "level": "account"}, lambda i, n=number: 10 + n)


def _for_staff() -> Iterator[Series]:
    yield _series("hpc_sched_nodes_drained", {"node": "n1", "drained_by": "bob"}, lambda i: 1)
    yield _series("hpc_sched_limits", {"account": "chem"}, lambda i: 2)
    for number in range(3):
        yield _series("hpc_node_load", {"instance": f"n{number}"}, lambda i, n=number: n + i)
        yield _series("target_info", {"instance": f"n{number}", "resident": "bob"}, lambda i: 1)


def _series(name: str, labels: Mapping[str, str], value: Callable[[int], float]) -> Series:
    return Series({"__name__": name, **{label: text for label, text in labels.items() if text}}, value)


SERIES = [*_of_jobs(), *_of_the_cluster(), *_for_staff()]


def visible(labels: Mapping[str, str], caller: Scope, led: frozenset[str] = frozenset()) -> bool:
    """Say whether a caller may see a series; `led` are the led accounts that the query asks for."""
    name, account = labels["__name__"], labels.get("account", "")
    if name in PUBLIC or labels.get("user") == caller.login:
        return True
    if name in ACCOUNT:
        return account in caller.member_of or account in caller.leads
    return account in led
