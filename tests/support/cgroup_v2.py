"""The figures of a job in a cgroup of version 2."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.expectation import Key, key


@dataclass
class CgroupV2:
    """The figures of one cgroup; each has a value of its own, so that no two can be taken for one another."""

    seed: int
    cpus: str = "0-3"
    cpu_count: int = 4
    limit: int | None = None

    def files(self) -> dict[str, str]:
        """Return the text of every file, as Linux 6.8 writes them."""
        n = self.seed
        stat = {name: n * 4096 * (i + 1) for i, name in enumerate(_MEMORY_STAT.split())}
        return {
            "cgroup.events": "populated 1\nfrozen 0\n",
            "cgroup.procs": "",
            "cgroup.stat": "nr_descendants 7\nnr_dying_descendants 0\n",
            "cgroup.subtree_control": "cpuset cpu io memory pids\n",
            "cpu.stat": f"usage_usec {n * 10_000_003}\nuser_usec {n * 9_000_001}\nsystem_usec {n * 1_000_002}\n"
            f"core_sched.force_idle_usec 0\nnr_periods {n}\nnr_throttled {n}\nthrottled_usec {n * 31}\n"
            "nr_bursts 0\nburst_usec 0\n",
            "cpu.max": "max 100000\n",
            "cpuset.cpus.effective": self.cpus + "\n",
            "memory.current": f"{n * 1_000_448}\n",
            "memory.peak": f"{n * 2_000_896}\n",
            "memory.max": "max\n" if self.limit is None else f"{self.limit}\n",
            "memory.swap.current": f"{n * 8192}\n",
            "memory.events": f"low 0\nhigh {n * 11}\nmax {n * 13}\noom {n * 17}\noom_kill {n * 19}\noom_group_kill 0\n",
            "cpu.pressure": _pressure(n * 1_000_100, n * 900),
            "memory.pressure": _pressure(n * 2_000_200, n * 1_000_800),
            "io.pressure": _pressure(n * 3_000_300, n * 2_000_700),
            "io.stat": f"259:0 rbytes={n * 4101} wbytes={n * 4102} rios={n * 43} wios={n * 44} dbytes=0 dios=0\n"
            f"8:16 rbytes={n * 5101} wbytes={n * 5102} rios={n * 53} wios={n * 54} dbytes=0 dios=0\n",
            "memory.stat": "".join(f"{name} {value}\n" for name, value in stat.items()),
        }

    def expected(self, **job: str) -> dict[Key, float]:
        """Return the series that these files make."""
        n = self.seed
        place = {name: i + 1 for i, name in enumerate(_MEMORY_STAT.split())}
        found = {
            key("hpc_job_cpu_seconds_total", mode="user", **job): n * 9_000_001 / 1e6,
            key("hpc_job_cpu_seconds_total", mode="system", **job): n * 1_000_002 / 1e6,
            key("hpc_job_cpu_throttled_seconds_total", **job): n * 31 / 1e6,
            key("hpc_job_cpus", **job): self.cpu_count,
            key("hpc_job_memory_usage_bytes", **job): n * 1_000_448,
            key("hpc_job_memory_peak_bytes", **job): n * 2_000_896,
            key("hpc_job_memory_swap_bytes", **job): n * 8192,
            key("hpc_job_memory_rss_bytes", **job): n * 4096 * place["anon"],
            key("hpc_job_memory_cache_bytes", **job): n * 4096 * place["file"],
            key("hpc_job_memory_kernel_bytes", **job): n * 4096 * place["kernel"],
            key("hpc_job_memory_shmem_bytes", **job): n * 4096 * place["shmem"],
            key("hpc_job_memory_mapped_bytes", **job): n * 4096 * place["file_mapped"],
        }
        for event, factor in (("high", 11), ("max", 13), ("oom", 17), ("oom_kill", 19)):
            found[key("hpc_job_memory_events_total", event=event, **job)] = n * factor
        for resource, some, full in (
            ("cpu", 1_000_100, 900),
            ("memory", 2_000_200, 1_000_800),
            ("io", 3_000_300, 2_000_700),
        ):
            for kind, factor in (("some", some), ("full", full)):
                found[key("hpc_job_pressure_seconds_total", resource=resource, kind=kind, **job)] = (
                    n * factor / 1e6
                )
        # The name of 259:0 is in the tree's /sys; 8:16 is not there.
        for device, factor in (("nvme0n1", 0), ("8:16", 10)):
            for direction, step in (("read", 1), ("write", 2)):
                way = {"device": device, "direction": direction, **job}
                found[key("hpc_job_io_bytes_total", **way)] = n * (4100 + 100 * factor + step)
                found[key("hpc_job_io_operations_total", **way)] = n * (42 + factor + step)
        if self.limit is not None:
            found[key("hpc_job_memory_limit_bytes", **job)] = self.limit
        return found


def _pressure(some: int, full: int) -> str:
    return "".join(
        f"{kind} avg10=0.12 avg60=3.40 avg300=0.00 total={total}\n"
        for kind, total in (("some", some), ("full", full))
    )


# The order of Linux 6.8, bytes before counts.
_MEMORY_STAT = (
    "anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped file_mapped "
    "file_dirty file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon inactive_file "
    "active_file unevictable slab_reclaimable slab_unreclaimable slab workingset_refault_anon pgscan pgsteal "
    "pgfault pgmajfault thp_fault_alloc"
)
