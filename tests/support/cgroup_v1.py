"""The figures of a job in the trees of cgroup v1's controllers."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.expectation import Key, key

NO_LIMIT = 9223372036854771712


@dataclass
class CgroupV1:
    """Each figure has a value of its own; what stands in a file without `total_` must not be taken."""

    seed: int
    limit: int | None = None

    def files(self) -> dict[str, str]:
        """Return the text of every file, as Linux 5.14 writes them."""
        n = self.seed
        own = dict.fromkeys(_STAT.split(), 1)
        total = {f"total_{name}": n * 4096 * (i + 1) for i, name in enumerate(_STAT.split())}
        stat = own | {"hierarchical_memory_limit": NO_LIMIT, "hierarchical_memsw_limit": NO_LIMIT} | total
        return {
            "cpuacct.stat": f"user {n * 901}\nsystem {n * 102}\n",
            "cpuacct.usage": f"{n * 10_030_000_007}\n",
            "cpuset.cpus": "0,2-4\n",
            "memory.usage_in_bytes": f"{n * 1_000_448}\n",
            "memory.max_usage_in_bytes": f"{n * 2_000_896}\n",
            "memory.limit_in_bytes": f"{self.limit or NO_LIMIT}\n",
            "memory.stat": "".join(f"{name} {value}\n" for name, value in stat.items()),
            "memory.oom_control": f"oom_kill_disable 0\nunder_oom 0\noom_kill {n * 19}\n",
            "devices.list": "a *:* rwm\n",
            "freezer.state": "THAWED\n",
        }

    def expected(self, **job: str) -> dict[Key, float]:
        """Return the series that these files make."""
        n = self.seed
        place = {name: i + 1 for i, name in enumerate(_STAT.split())}
        found: dict[Key, float] = {
            key("hpc_job_cpu_seconds_total", mode="user", **job): n * 9.01,
            key("hpc_job_cpu_seconds_total", mode="system", **job): n * 1.02,
            key("hpc_job_cpus", **job): 4,
            key("hpc_job_memory_usage_bytes", **job): n * 1_000_448,
            key("hpc_job_memory_peak_bytes", **job): n * 2_000_896,
            key("hpc_job_memory_swap_bytes", **job): n * 4096 * place["swap"],
            key("hpc_job_memory_rss_bytes", **job): n * 4096 * place["rss"],
            key("hpc_job_memory_cache_bytes", **job): n * 4096 * place["cache"],
            key("hpc_job_memory_shmem_bytes", **job): n * 4096 * place["shmem"],
            key("hpc_job_memory_mapped_bytes", **job): n * 4096 * place["mapped_file"],
            key("hpc_job_memory_events_total", event="oom_kill", **job): n * 19,
        }
        if self.limit:
            found[key("hpc_job_memory_limit_bytes", **job)] = self.limit
        return found


# The order of Linux 5.14.
_STAT = (
    "cache rss rss_huge shmem mapped_file dirty writeback swap pgpgin pgpgout pgfault pgmajfault inactive_anon active_anon"
    " inactive_file active_file unevictable"
)
