"""The supervisor, with real small programs as its children."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobgauge_demo import supervisor as module
from jobgauge_demo.supervisor import ChildError, Service, Supervisor


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Leave pytest's own handlers as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def shell(name: str, script: str, ready: Callable[[], bool] = lambda: True) -> Service:
    return Service(name, ["/bin/sh", "-c", script], ready=ready)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pid_in(path: Path) -> int:
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    return int(path.read_text())


def test_a_child_that_dies_is_named_with_its_last_lines_and_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    once = f'if [ -e {tmp_path}/second ]; then exec sleep 60; fi; touch {tmp_path}/second; echo "disk on fire"; exit 7'
    with Supervisor(str(tmp_path / "log"), said.append) as children:
        children.start([shell("storage", once, ready=(tmp_path / "second").exists)])
        wait_until(lambda: children.check() or said)
        assert "storage ended with status 7" in said[0]
        assert "disk on fire" in said[0]
        assert "started again" in said[0]
        children.wait(1.5)
        assert children.deaths == {"storage": 1}
    assert len(said) == 1
    assert (tmp_path / "log" / "storage.log").read_text().count("--- ") == 2


def test_a_killed_child_is_named_with_its_signal(tmp_path: Path) -> None:
    said: list[str] = []
    pid_file = tmp_path / "pid"
    with Supervisor(str(tmp_path / "log"), said.append) as children:
        children.start([shell("a", "exec sleep 60"), shell("b", f"echo $$ > {pid_file}; exec sleep 60")])
        os.kill(pid_in(pid_file), signal.SIGKILL)
        wait_until(lambda: children.check() or said)
        assert said[0].startswith("b was killed by SIGKILL")


def test_a_child_that_keeps_dying_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACK_OFF", 0.01)
    said: list[str] = []
    dies = pytest.raises(ChildError, match=r"(?s)broken ended with status 3.*no such table.*died 4 times")
    with Supervisor(str(tmp_path / "log"), said.append) as children, dies:
        children.start([shell("broken", "echo no such table >&2; exit 3", ready=lambda: False)])
    assert len(said) == 3


def test_deaths_long_ago_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACK_OFF", 0.01)
    monkeypatch.setattr(module, "WINDOW", 0.0)
    with Supervisor(str(tmp_path / "log"), lambda _: None) as children:
        children.start([shell("restless", "sleep 0.01")])
        wait_until(lambda: children.check() or children.deaths.get("restless", 0) > 5)


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACK_OFF", 0.01)
    dies = pytest.raises(ChildError, match="no-such-program cannot be started: No such file")
    with Supervisor(str(tmp_path / "log"), lambda _: None) as children, dies:
        children.start([Service("x", ["no-such-program"], ready=lambda: False)])


def test_a_child_that_does_not_become_ready_is_named(tmp_path: Path) -> None:
    with Supervisor(str(tmp_path / "log"), lambda _: None) as children:
        quick, slow = shell("quick", "exec sleep 60"), shell("slow", "echo thinking; sleep 60", lambda: False)
        with pytest.raises(ChildError, match=r"(?s)not ready after 1 s: slow\n.*thinking"):
            children.start([quick, slow], timeout=1)


def test_a_child_that_ignores_term_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pid_file, helper_file = tmp_path / "pid", tmp_path / "helper"
    script = (
        f"trap '' TERM; sleep 60 & echo $! > {helper_file}; echo $$ > {pid_file}; while :; do sleep 1; done"
    )
    with Supervisor(str(tmp_path / "log"), lambda _: None, grace=0.3) as children:
        children.start([shell("stubborn", script)])
        pid, helper = pid_in(pid_file), pid_in(helper_file)
        assert is_running(pid)
    wait_until(lambda: not is_running(pid) and not is_running(helper))


def test_what_a_dead_child_started_is_ended(tmp_path: Path) -> None:
    helper_file = tmp_path / "helper"
    with Supervisor(str(tmp_path / "log"), lambda _: None) as children:
        children.start([shell("parent", f"sleep 60 & echo $! > {helper_file}")])
        helper = pid_in(helper_file)
        wait_until(lambda: children.check() or children.deaths)
        wait_until(lambda: not is_running(helper))


def test_single_children_can_be_ended(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with Supervisor(str(tmp_path / "log"), lambda _: None) as children:
        children.start([shell(p.name, f"echo $$ > {p}; exec sleep 60") for p in (first, second)])
        pids = pid_in(first), pid_in(second)
        children.stop(["first"])
        assert [is_running(pid) for pid in pids] == [False, True]
        children.check()
        assert not children.deaths
    assert not is_running(pids[1])


def test_children_get_a_pinned_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBGAUGE_CLUSTER", "production")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    out = tmp_path / "out"
    service = Service(
        "env", ["/bin/sh", "-c", f"env > {out}.new; mv {out}.new {out}"], environment={"EXTRA": "1"}
    )
    with Supervisor(str(tmp_path / "log"), lambda _: None) as children:
        children.start([service])
        wait_until(out.exists)
    lines = out.read_text().splitlines()
    assert {"TZ=UTC", "EXTRA=1", f"PATH={os.environ['PATH']}"} <= set(lines)
    assert not [line for line in lines if line.startswith("JOBGAUGE")]


PARENT = """
import sys
from jobgauge_demo.supervisor import Service, Supervisor
directory = sys.argv[1]
scripts = [f"echo $$ > {directory}/{i}.pid; trap '' TERM HUP INT; while :; do sleep 0.2; done" for i in range(3)]
with Supervisor(directory + "/log", print, grace=0.3) as children:
    children.start([Service(f"c{i}", ["/bin/sh", "-c", script]) for i, script in enumerate(scripts)])
    try:
        children.wait(60)
    except KeyboardInterrupt:
        print("told to end", flush=True)
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_orphan_is_left_however_the_supervisor_ends(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        pids = [pid_in(tmp_path / f"{i}.pid") for i in range(3)]
        parent.send_signal(number)
        output, _ = parent.communicate(timeout=20)
    if number is signal.SIGKILL:
        assert parent.returncode == -signal.SIGKILL
    else:
        assert (parent.returncode, output) == (0, "told to end\nended\n")
    wait_until(lambda: not any(is_running(pid) for pid in pids))


def test_a_second_interrupt_does_not_leave_the_ending_half_done(tmp_path: Path) -> None:
    script = PARENT.replace("grace=0.3", "grace=1.5")
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        pids = [pid_in(tmp_path / f"{i}.pid") for i in range(3)]
        parent.send_signal(signal.SIGINT)
        assert parent.stdout is not None
        assert parent.stdout.readline() == "told to end\n"
        time.sleep(0.3)  # the context is being left: a moment for it to get there
        parent.send_signal(signal.SIGINT)
        output, _ = parent.communicate(timeout=20)
    assert (parent.returncode, output) == (0, "ended\n")
    assert not any(is_running(pid) for pid in pids)


def test_a_child_is_not_started_for_a_parent_that_has_ended(tmp_path: Path) -> None:
    """The launcher sees that its parent ended before it could ask the kernel to be told."""
    from jobgauge import process

    argv = [sys.executable, process._LAUNCHER, "1", "/bin/touch", str(tmp_path / "started")]
    result = subprocess.run(argv, check=False, capture_output=True)
    assert result.returncode == 1
    assert b"who started it has ended" in result.stderr
    assert not (tmp_path / "started").exists()
