"""Recorded answers of real Slurm versions, and programs that give them as squeue and its siblings would."""

from __future__ import annotations

from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures" / "slurm"
VERSIONS = sorted(folder.name for folder in FIXTURES.iterdir())
MARK = "\x1e0123abcd"  # the record mark in the recorded squeue.txt


def program(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
    return path


def clients(folder: Path, version: str) -> Path:
    """Make a directory of clients that answer with what a real Slurm of this version said."""
    recorded = FIXTURES / version
    # the real squeue prints whatever mark the format asks for
    program(
        folder / "squeue",
        f'mark="${{!#}}"; exec sed "s/{MARK[1:]}/${{mark##*$(printf "\\036")}}/" {recorded}/squeue.txt',
    )
    return folder
