"""A process in a made-up /proc, as the kernel shows it to one who may not see more than everybody."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass
class ProcessTree:
    """One process; `states` has a letter for each of its threads, the first thread's first."""

    proc: Path
    pid: int
    uid: int
    comm: str
    words: list[str]
    cgroup: str
    start: int = 0  # hundredths of a second after boot
    ticks: int = 17  # of CPU time, hundredths of a second
    states: str = "S"
    exe: str = ""  # where the exporter may see it

    def write(self) -> None:
        """Write all of its files anew; those that are open keep their place."""
        self.folder.mkdir(exist_ok=True)
        uid = self.uid
        self._put("cgroup", f"0::{self.cgroup}\n")
        self._put("cmdline", "\0".join([*self.words, ""]))
        self._put(
            "status",
            f"Name:\t{self.comm}\nState:\tS (sleeping)\nPid:\t{self.pid}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nThreads:\t1\n",
        )
        self._put("stat", self._stat(self.pid, self.states[0], self.ticks))
        for n, state in enumerate(self.states):
            (self.folder / f"task/{self.pid + n}").mkdir(parents=True, exist_ok=True)
            self._put(
                f"task/{self.pid + n}/stat", self._stat(self.pid + n, state, self.ticks // len(self.states))
            )
        if self.exe and not (self.folder / "exe").is_symlink():
            (self.folder / "exe").symlink_to(self.exe)

    @property
    def folder(self) -> Path:
        return self.proc / str(self.pid)

    def end(self) -> None:
        """Let the process end; its cgroup's list is the caller's affair."""
        shutil.rmtree(self.folder)

    def _put(self, name: str, text: str) -> None:
        (self.folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))

    def _stat(self, number: int, state: str, ticks: int) -> str:
        return (
            f"{number} ({self.comm[:15]}) {state} 1 {self.pid} {self.pid} 0 -1 4194560 9 0 3 0 {ticks - ticks // 3} {ticks // 3} "
            f"0 0 20 0 {len(self.states)} 0 {self.start} 200000 90 18446744073709551615\n"
        )
