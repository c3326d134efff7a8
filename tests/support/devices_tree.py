"""The node's own counters below a made-up /proc and /sys: network, InfiniBand, Lustre, energy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def put(path: Path, text: str) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@dataclass
class Devices:
    """Each call sets one source to the given totals."""

    proc: Path
    sys: Path

    def network(self, **devices: tuple[int, int]) -> None:
        """Set bytes received and transmitted of Ethernet devices; the loopback and an IPoIB device carry traffic too."""
        lines = ["Inter-|   Receive  |  Transmit\n", " face |bytes packets|bytes packets\n"]
        for name, (received, sent) in {**devices, "lo": (9, 9), "ib0": (8, 8)}.items():
            lines.append(f"{name:>6}: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0\n")
            put(self.sys / f"class/net/{name}/type", {"lo": "772\n", "ib0": "32\n"}.get(name, "1\n"))
        put(self.proc / "net/dev", "".join(lines))

    def infiniband(self, words: int, packets: int, *, device: str = "mlx5_0", port: str = "1") -> None:
        """Set words (of four bytes) and packets received; twice as many are transmitted."""
        folder = self.sys / f"class/infiniband/{device}/ports/{port}/counters"
        for name, value in (("data", words), ("packets", packets)):
            put(folder / f"port_rcv_{name}", f"{value}\n")
            put(folder / f"port_xmit_{name}", f"{2 * value}\n")
        put(folder / "port_rcv_errors", "77\n")

    def lustre(
        self, mount: str, read: int, written: int, opened: int, *, top: str = "proc/fs/lustre"
    ) -> None:
        """Set bytes read and written, and how many files were opened, through a mount of a file system."""
        root = self.proc.parent
        text = (
            "snapshot_time             1700000000.123456789 secs.nsecs\n"
            f"read_bytes                {read // 10} samples [bytes] 4096 4194304 {read} 999999999999\n"
            f"write_bytes               {written // 10} samples [bytes] 4096 4194304 {written}\n"
            f"ioctl                     3 samples [regs]\n"
            f"open                      {opened} samples [usecs] 5 100 700 9000\n"
            f"inode_permission          99 samples [usecs] 0 1 2 3\n"
        )
        put(root / top / f"llite/{mount}/stats", text)
        put(self.sys / f"fs/lustre/llite/{mount}/uuid", "x\n")
