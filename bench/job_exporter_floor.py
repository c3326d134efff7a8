#!/usr/bin/env python3
"""The least that a Python program can do for the page of bench/job_exporter.py: the floor of that measurement.

Usage: job_exporter_floor.py CGROUPS. It opens the files of the jobs that are there, once; puts the numbers of each scrape into
one template; compresses at level 1; and answers one client at a time, whatever is asked. No identity, no errors, no changes.
"""

from __future__ import annotations

import os
import socket
import sys
import zlib
from pathlib import Path

WANTED = {
    "cpu.stat": ("user_usec", "system_usec", "throttled_usec"),
    "memory.stat": ("anon", "file", "kernel", "shmem", "file_mapped"),
    "memory.events": ("high", "max", "oom", "oom_kill"),
}
SINGLE = (
    "memory.current",
    "memory.peak",
    "memory.max",
    "memory.swap.current",
    "cpuset.cpus.effective",
    "cpu.max",
)
PRESSURE = ("cpu.pressure", "memory.pressure", "io.pressure")


def main() -> None:
    folders = sorted(Path(sys.argv[1]).glob("*/*slurmstepd.scope/job_*"))
    files, families = [], []
    for name, keys in WANTED.items():
        words = (folders[0] / name).read_bytes().split()
        places = [words.index(key.encode()) + 1 for key in keys]
        files.append((name, places, max(places) + 1))
        families += [f"floor_{name}_{key}" for key in keys]
    files += [(name, [0], 1) for name in SINGLE]
    families += [f"floor_{name}" for name in SINGLE]
    files += [(name, [4, 9], 10) for name in PRESSURE]
    families += [f"floor_{name}_{kind}" for name in PRESSURE for kind in ("some", "full")]
    files.append(("io.stat", [1, 2, 3, 4], 6))
    families += [f"floor_io_{kind}" for kind in ("read", "write", "reads", "writes")]
    opened = [
        (os.open(folder / name, os.O_RDONLY), places, end)
        for name, places, end in files
        for folder in folders
    ]
    rows = [
        f'{family.replace(".", "_")}{{jobid="{folder.name[4:]}",user="user{n % 40:02}",account="physics"}} %b\n'
        for family in families
        for n, folder in enumerate(folders)
    ]
    template = "".join(rows).encode()
    pread, jobs = os.pread, len(folders)

    def page() -> bytes:
        values: list[bytes] = []
        for first in range(0, len(opened), jobs):
            found = []
            for fd, places, end in opened[first : first + jobs]:
                words = pread(fd, 8192, 0).split(None, end)
                found.append([words[place] for place in places])
            for column in zip(*found, strict=True):
                values += column
        return template % tuple(values)

    server = socket.create_server(("127.0.0.1", 0))
    print(f"listens on 127.0.0.1:{server.getsockname()[1]}", file=sys.stderr, flush=True)
    while True:
        client = server.accept()[0]
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client:
            while client.recv(65536):
                packer = zlib.compressobj(1, zlib.DEFLATED, 31)
                body = packer.compress(page()) + packer.flush()
                client.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
                    % (len(body), body)
                )


if __name__ == "__main__":
    main()
