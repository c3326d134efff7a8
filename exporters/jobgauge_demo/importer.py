"""The cluster's past: made by the simulation, imported into Prometheus as blocks, recorded series too.

What was made or scraped before is kept up to the end of the last block, and only the time since is made: its samples
are the same ones, since the simulation's state follows from its seed and the time alone. Where another cluster, other
rules or another version of the simulation made the blocks, or where they end too long ago, all is made anew.
"""

from __future__ import annotations

import glob
import graphlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jobgauge import process
from jobgauge_demo import programs, prometheus
from jobgauge_demo.history import BLOCK
from jobgauge_demo.settings import SCRAPE_INTERVAL, DemoConfig
from jobgauge_demo.supervisor import Supervisor

_NAME = re.compile(r"[a-zA-Z_:][\w:]*")
_TIMEOUT = 600.0  # seconds for one call of promtool
_OUTPUT = 1 << 24
_TOLD = 4  # times that the progress is told
_TOGETHER = 4  # calls of promtool at a time: it mostly waits for the disk

# Writes the raw history of a span as OpenMetrics files and returns their paths, one block's time each.
Write = Callable[[str, int, int, int], Iterator[str]]


@dataclass(frozen=True, order=True)
class Group:
    """A group of rules: the file that it stands in, its name and its interval."""

    file: str
    name: str
    interval: str


Rule = tuple[Group, dict[str, Any]]


class Importer:
    """Brings the blocks of a demo up to the present."""

    def __init__(self, config: DemoConfig, write: Write) -> None:
        self._config = config
        self._write = write
        self._data = prometheus.data_directory(config)
        self._made = config.path(
            "prometheus", "made-by"
        )  # what made the blocks; there only while they are whole

    def missing(self, now: float) -> tuple[int, int]:
        """Return the span to make; clear away what cannot be used."""
        end = int(now) // SCRAPE_INTERVAL * SCRAPE_INTERVAL
        start = end - self._config.history_seconds
        spans = list(_spans(self._data)) if self._is_ours() else []
        first = min((begin for begin, _ in spans), default=end)
        last = max((until for _, until in spans), default=0)
        if first <= start + SCRAPE_INTERVAL and last > start:
            # Prometheus ignores what its log holds from before the end of a block, so the log's time is made too.
            for name in ("wal", "chunks_head"):
                shutil.rmtree(os.path.join(self._data, name), ignore_errors=True)
            return -(-last // SCRAPE_INTERVAL) * SCRAPE_INTERVAL, end
        shutil.rmtree(self._data, ignore_errors=True)
        os.makedirs(self._data)
        return start, end

    def make(self, span: tuple[int, int], children: Supervisor, say: Callable[[str], None]) -> None:
        """Make a span's raw series, then what the rules record of them, level by level."""
        Path(self._made).unlink(missing_ok=True)
        directory = self._config.path("history")
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        with ThreadPoolExecutor(_TOGETHER) as pool:
            self._make_raw(directory, span, pool, say)
            rules = self._config.path("rules")
            steps = list(levels(rules))
            with _put_back(rule_files(rules)):
                for number, level in enumerate(steps, 1):
                    self._record(level, span, children, pool)
                    say(f"what the rules would have recorded, step {number} of {len(steps)}")
        shutil.rmtree(directory)
        Path(self._made).write_text(self._fingerprint(), encoding="utf-8")

    def _make_raw(
        self, directory: str, span: tuple[int, int], pool: ThreadPoolExecutor, say: Callable[[str], None]
    ) -> None:
        blocks = len(_blocks(span))
        imports = []
        for done, file in enumerate(self._write(directory, *span, SCRAPE_INTERVAL), 1):
            imports.append(pool.submit(self._import, file))
            if done * _TOLD // blocks > (done - 1) * _TOLD // blocks:
                say(f"what the exporters would have shown, {100 * done // blocks} %")
        for started in imports:
            started.result()

    def _import(self, file: str) -> None:
        self._promtool("openmetrics", file, self._data)
        os.unlink(file)

    def _record(
        self, level: list[Rule], span: tuple[int, int], children: Supervisor, pool: ThreadPoolExecutor
    ) -> None:
        """Import what a level's rules record; a server is started for it, since it sees only blocks of before.

        They stand in files and groups of the same names as later: Prometheus derives from these at which moment of
        its interval a group has its turn, and an hour's sum must go on where the last one ended.
        """
        groups: dict[str, list[dict[str, Any]]] = {}
        for group in sorted({group for group, _ in level}):
            rules = [rule for own, rule in level if own == group]
            page = {"name": group.name, "interval": group.interval, "rules": rules}
            groups.setdefault(group.file, []).append(page)
        for path, pages in groups.items():
            Path(path).write_text(yaml.safe_dump({"groups": pages}), encoding="utf-8")
        service = prometheus.importer(self._config)
        children.start([service])

        def record(block: int) -> None:
            # One block at a time: after one in which a rule has no turn, promtool leaves out all the others.
            times = (f"--start={max(block, span[0])}", f"--end={min(block + BLOCK, span[1]) - 1}")
            self._promtool("rules", f"--url={service.url}", *times, f"--output-dir={self._data}", *groups)

        for _ in pool.map(record, _blocks(span)):
            pass
        children.stop([service.name])

    def _promtool(self, kind: str, *arguments: str) -> None:
        argv = [programs.PROMTOOL.path, "tsdb", "create-blocks-from", "--quiet", kind, *arguments]
        process.run(argv, timeout=_TIMEOUT, max_bytes=_OUTPUT)

    def _is_ours(self) -> bool:
        try:
            return Path(self._made).read_text(encoding="utf-8") == self._fingerprint()
        except FileNotFoundError:
            return False

    def _fingerprint(self) -> str:
        """Return what stands for all that the history depends on: the cluster, the simulation's code, the rules."""
        config = self._config
        digest = hashlib.sha256(repr((config.nodes, config.users, config.seed, SCRAPE_INTERVAL)).encode())
        code = glob.glob("*.py", root_dir=os.path.dirname(__file__))
        for path in [
            *(os.path.join(os.path.dirname(__file__), name) for name in code),
            *rule_files(config.path("rules")),
        ]:
            digest.update(Path(path).read_bytes())
        return digest.hexdigest()


def _blocks(span: tuple[int, int]) -> range:
    """Return the beginnings of the blocks that a span touches."""
    return range(span[0] // BLOCK * BLOCK, span[1], BLOCK)


@contextmanager
def _put_back(paths: list[str]) -> Iterator[None]:
    """Leave the files as they are now."""
    texts = {path: Path(path).read_bytes() for path in paths}
    try:
        yield
    finally:
        for path, text in texts.items():
            Path(path).write_bytes(text)


def rule_files(directory: str) -> list[str]:
    """Return the rule files that jobgauge-rules wrote."""
    return sorted(glob.glob(os.path.join(glob.escape(directory), "*.yml")))


def levels(directory: str) -> Iterator[list[Rule]]:
    """Yield the recording rules, each with its group, so that each needs only series of before."""
    rules: dict[str, list[Rule]] = {}
    for path in rule_files(directory):
        for page in yaml.safe_load(Path(path).read_text(encoding="utf-8"))["groups"]:
            group = Group(path, page["name"], page.get("interval", f"{SCRAPE_INTERVAL}s"))
            for rule in page["rules"]:
                rules.setdefault(rule.get("record", ""), []).append((group, rule))
    rules.pop("", None)  # the alerts
    needs = {
        name: {read for _, rule in same for read in _NAME.findall(rule["expr"]) if read in rules} - {name}
        for name, same in rules.items()
    }
    order = graphlib.TopologicalSorter(needs)
    order.prepare()
    while names := sorted(order.get_ready()):
        yield [rule for name in names for rule in rules[name]]
        order.done(*names)


def _spans(data: str) -> Iterator[tuple[int, int]]:
    """Yield the time that each block covers, in seconds."""
    for path in glob.glob(os.path.join(glob.escape(data), "*", "meta.json")):
        with open(path, encoding="utf-8") as file:
            meta = json.load(file)
        yield meta["minTime"] // 1000, -(-meta["maxTime"] // 1000)
