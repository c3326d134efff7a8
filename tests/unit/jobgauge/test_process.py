"""Running a command: output, failure, hanging, flooding; real processes, no children left."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from jobgauge.errors import CommandError
from jobgauge.process import read, run


def sh(
    script: str, *, timeout: float = 20.0, max_bytes: int = 1 << 20, environment: dict | None = None
) -> bytes:
    return run(["sh", "-c", script], timeout=timeout, max_bytes=max_bytes, environment=environment)


def test_output_comes_back_whole() -> None:
    assert sh("yes | head -c 500000") == b"y\n" * 250_000
    assert sh("printf 'a\\036b\\377'") == b"a\x1eb\xff"


def test_output_is_taken_while_it_comes_in(tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    def parse(chunks: Iterable[bytes]) -> bytes:
        first, *rest = (seen.touch() or chunk for chunk in chunks)  # type: ignore[func-returns-value]
        return first + b"".join(rest)

    script = f"printf a; while ! [ -e {seen} ]; do sleep 0.01; done; printf b"
    assert read(["sh", "-c", script], parse, timeout=20.0, max_bytes=10) == b"ab"


def test_half_an_answer_is_never_taken_for_a_whole_one() -> None:
    ends: list[bytes] = []

    def parse(chunks: Iterable[bytes]) -> None:
        ends.append(b"".join(chunks))

    with pytest.raises(CommandError, match="status 1"):
        read(["sh", "-c", "printf half; exit 1"], parse, timeout=20.0, max_bytes=10)
    with pytest.raises(CommandError, match="status 1"):
        read(["sh", "-c", "printf half; exit 1"], next, timeout=20.0, max_bytes=10)
    assert not ends


def test_a_failure_tells_status_and_words() -> None:
    with pytest.raises(CommandError, match="sh ended with status 3: no such cluster"):
        sh("echo no such cluster >&2; exit 3")
    with pytest.raises(CommandError, match="status 1: it printed no error"):
        sh("exit 1")


def test_a_long_complaint_is_cut() -> None:
    with pytest.raises(CommandError) as caught:
        sh("yes | head -c 1000000 >&2; exit 1")
    assert len(str(caught.value)) < 3000


def test_an_unknown_program() -> None:
    with pytest.raises(CommandError, match="no-such-program cannot be started: No such file"):
        run(["no-such-program"], timeout=1, max_bytes=1)


def test_one_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(CommandError, match="did not answer in time"):
        sh(f"trap '' TERM; (sleep 1000 & echo $! >{pids}; wait) & wait", timeout=1.0)
    child = int(pids.read_text())
    deadline = time.monotonic() + 10
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(child)


def test_one_that_closes_its_output_and_stays_is_killed() -> None:
    with pytest.raises(CommandError, match="did not end in time"):
        sh("exec >&- 2>&-; sleep 1000", timeout=1.0)


def test_one_that_floods_is_ended() -> None:
    with pytest.raises(CommandError, match="printed more than 100000 bytes"):
        sh("yes", max_bytes=100_000)


def test_only_the_pinned_environment_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CLUSTERS", "other")
    names = {line.split(b"=")[0] for line in sh("env", environment={"SLURM_TIME_FORMAT": "%s"}).splitlines()}
    assert {b"LC_ALL", b"TZ", b"SLURM_TIME_FORMAT", b"PATH"} <= names
    assert b"SLURM_CLUSTERS" not in names


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_standard_input_is_closed() -> None:
    assert sh("cat") == b""
