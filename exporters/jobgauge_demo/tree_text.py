"""The text of the files below /sys/fs/cgroup, /proc and /sys, as the kernel and Lustre's client write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jobgauge_demo.nodes import Counters
from jobgauge_demo.processes import Process
from jobgauge_demo.usage import DISK, PAGE, Memory, Usage

DISK_NUMBER = "259:0"

# Linux 6.8's memory.stat, in its order: sizes first, then counts of events.
_SIZES = (
    "anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped "
    "file_mapped file_dirty file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon "
    "inactive_file active_file unevictable slab_reclaimable slab_unreclaimable slab"
)
_COUNTS = (
    "workingset_refault_anon workingset_refault_file workingset_activate_anon workingset_activate_file "
    "workingset_restore_anon workingset_restore_file workingset_nodereclaim pgscan pgsteal pgscan_kswapd pgscan_direct "
    "pgscan_khugepaged pgsteal_kswapd pgsteal_direct pgsteal_khugepaged pgfault pgmajfault pgrefill pgactivate "
    "pgdeactivate pglazyfree pglazyfreed zswpin zswpout zswpwb thp_fault_alloc thp_collapse_alloc"
)
_MEMORY_STAT = f"{_SIZES} {_COUNTS}".split()


def cpu_list(cpus: range) -> str:
    """Write CPUs as a cpuset shows them."""
    return f"{cpus.start}-{cpus.stop - 1}\n" if len(cpus) > 1 else f"{cpus.start}\n"


def cpu_stat(used: Usage) -> str:
    """Write a cgroup's cpu.stat."""
    return (
        f"usage_usec {used.cpu}\nuser_usec {used.user}\nsystem_usec {used.system}\ncore_sched.force_idle_usec 0\n"
        "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n"
    )


def memory_stat(memory: Memory) -> str:
    """Write a cgroup's memory.stat; its parts add up as the kernel's do."""
    stack, tables = _pages(memory.kernel // 10), _pages(memory.kernel // 3)
    slab = memory.kernel - stack - tables
    inactive_anon, inactive_file = _pages(memory.anonymous // 8), _pages((memory.file - memory.shared) // 3)
    value = {
        "anon": memory.anonymous,
        "file": memory.file,
        "kernel": memory.kernel,
        "kernel_stack": stack,
        "pagetables": tables,
        "shmem": memory.shared,
        "file_mapped": memory.mapped,
        "anon_thp": memory.anonymous >> 22 << 21,
        "inactive_anon": inactive_anon,
        "active_anon": memory.anonymous + memory.shared - inactive_anon,
        "inactive_file": inactive_file,
        "active_file": memory.file - memory.shared - inactive_file,
        "slab_reclaimable": slab - _pages(slab // 4),
        "slab_unreclaimable": _pages(slab // 4),
        "slab": slab,
        "pgfault": memory.peak // PAGE,
    }
    return "".join(f"{key} {value.get(key, 0)}\n" for key in _MEMORY_STAT)


def _pages(size: int) -> int:
    return size // PAGE * PAGE


def memory_events(events: Mapping[str, int]) -> str:
    """Write a cgroup's memory.events."""
    counts = {"low": 0, **events, "oom_group_kill": 0}
    return "".join(f"{key} {value}\n" for key, value in counts.items())


def io_stat(used: Usage) -> str:
    """Write a cgroup's io.stat."""
    disk = used.disk
    return (
        f"{DISK_NUMBER} rbytes={disk.read_bytes} wbytes={disk.written_bytes} rios={disk.reads} wios={disk.writes} "
        "dbytes=0 dios=0\n"
    )


def pressure(used: Usage, resource: str) -> str:
    """Write a cgroup's cpu.pressure, memory.pressure or io.pressure."""
    return "".join(
        f"{kind} avg10=0.00 avg60=0.00 avg300=0.00 total={used.pressure[resource, kind]}\n"
        for kind in ("some", "full")
    )


def process_stat(
    process: Process, number: int, state: str, ticks: tuple[int, int], *, start: int, resident: int
) -> str:
    """Write /proc/PID/stat, or that of one of its threads; `start` in ticks after boot, `resident` in pages."""
    return (
        f"{number} ({process.comm}) {state} 1 {process.pid} {process.pid} 0 -1 4194560 9000 0 3 0 {ticks[0]} {ticks[1]} 0 0 "
        f"20 0 {process.threads} 0 {start} 2000000000 {resident} 18446744073709551615 1 1 0 0 0 0 0 4096 1260 0 0 0 17 3 "
        "0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    )


def process_status(process: Process, state: str, resident: int) -> str:
    """Write /proc/PID/status; `resident` in pages."""
    ids = "\t".join([str(process.uid)] * 4)
    long = {"R": "running", "S": "sleeping", "D": "disk sleep", "T": "stopped"}[state]
    return (
        f"Name:\t{process.comm}\nUmask:\t0022\nState:\t{state} ({long})\nTgid:\t{process.pid}\nNgid:\t0\n"
        f"Pid:\t{process.pid}\nPPid:\t1\nTracerPid:\t0\nUid:\t{ids}\nGid:\t{ids}\nFDSize:\t64\nGroups:\t{process.uid} \n"
        f"VmRSS:\t{resident * PAGE // 1024:8d} kB\nThreads:\t{process.threads}\n"
    )


def process_io(read: int, written: int) -> str:
    """Write /proc/PID/io."""
    return (
        f"rchar: {read}\nwchar: {written}\nsyscr: {read >> 16}\nsyscw: {written >> 16}\nread_bytes: {read}\n"
        f"write_bytes: {written}\ncancelled_write_bytes: 0\n"
    )


def node_stat(counters: Counters, cpus: int, uptime: float, boot: int) -> str:
    """Write /proc/stat; all CPUs did the same."""
    busy, total = int(counters.cpu * 100), int(uptime * 100) * cpus
    user, system = busy * 24 // 25, busy // 25
    each = f"{user // cpus} 0 {system // cpus} {max(0, total - busy) // cpus} 0 0 0 0 0 0\n"
    lines = [f"cpu  {user} 0 {system} {max(0, total - busy)} 0 0 0 0 0 0\n"]
    lines += [f"cpu{cpu} {each}" for cpu in range(cpus)]
    return "".join(lines) + f"btime {boot}\nprocesses 1\n"


def meminfo(total: int, used: int) -> str:
    """Write /proc/meminfo."""
    free = (total - used) // 1024
    return (
        f"MemTotal:       {total // 1024} kB\nMemFree:        {free} kB\nMemAvailable:   {free} kB\n"
        "SwapTotal:             0 kB\nSwapFree:              0 kB\n"
    )


def net_dev(interfaces: Mapping[str, tuple[int, int]]) -> str:
    """Write /proc/net/dev from bytes and packets, the same each way."""
    head = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
    )
    return head + "".join(
        f"{name:>6}: {size} {packets} 0 0 0 0 0 0 {size} {packets} 0 0 0 0 0 0\n"
        for name, (size, packets) in interfaces.items()
    )


def diskstats(counters: Counters) -> str:
    """Write /proc/diskstats."""
    read, written = (counters.disk_bytes[way] for way in ("read", "write"))
    return f" {DISK_NUMBER.replace(':', '       ')} {DISK} {read >> 17} 0 {read >> 9} 0 {written >> 18} 0 {written >> 9} 0 0 0 0 0 0 0 0 0 0\n"


def lustre_stats(counters: Counters, t: float, start: int) -> str:
    """Write the stats of a file system that a Lustre client has mounted."""
    lines = [
        f"{name:<25} {value} secs.nsecs\n"
        for name, value in (
            ("snapshot_time", f"{t:.9f}"),
            ("start_time", f"{start}.000000000"),
            ("elapsed_time", f"{t - start:.9f}"),
        )
    ]
    operations = counters.lustre_operations
    for way, size in counters.lustre_bytes.items():
        lines.append(f"{way + '_bytes':<25} {operations[way]} samples [bytes] 4096 1048576 {size}\n")
    for name, count in operations.items():
        lines.append(f"{name:<25} {count} samples [usecs] 8 90000 {count * 120}\n")
    return "".join(lines)


def lines(pairs: Iterable[tuple[str, object]]) -> str:
    """Write `key=value` lines."""
    return "".join(f"{key}={value}\n" for key, value in pairs)
