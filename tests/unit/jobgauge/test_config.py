"""Configuration: file < environment < flags; what is wrong is refused with the key, the place and what to write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobgauge.collector import Collector
from jobgauge.config import Loader, boolean, duration, one_of, option, positive
from jobgauge.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    address: tuple[str, ...] = option("web.listen-address", (":1",), "where", many=True)
    top: int = option("process.top", 5, "how many", positive)
    every: float = option("interval.jobs", 60.0, "how often", duration)
    colour: str = option("colour", "red", "which", one_of("red", "blue"))
    loud: bool = option("loud", False, "whether", boolean)
    collectors: frozenset[str] = frozenset()


class Cpu(Collector):
    name, about, families = "cpu", "CPU time", ()

    def collect(self) -> list:
        return []


class Extra(Cpu):
    name, default_on = "extra", False


class Always(Cpu):
    name, essential = "always", True


def load(argv: Sequence[str] = (), environment: dict[str, str] | None = None, once: str = "") -> Settings:
    loader = Loader(
        Settings,
        program="prog",
        about="About.",
        argv=argv,
        environment=environment or {},
        once=once,
        collectors=(Cpu, Extra, Always),
    )
    return loader.load()


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str | bytes) -> str:
        path = tmp_path / "settings.yml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_without_anything_the_defaults_hold() -> None:
    assert load() == Settings(collectors=frozenset({"cpu"}))


def test_a_flag_wins_over_the_environment_and_that_over_the_file(file) -> None:
    path = file("process.top: 1\ninterval: {jobs: 1m}\ncolour: blue\n")
    environment = {"JOBGAUGE_PROCESS_TOP": "2", "JOBGAUGE_INTERVAL_JOBS": "2m", "JOBGAUGE_CONFIG_FILE": path}
    assert load(["--process.top=3"], environment) == Settings(
        top=3, every=120.0, colour="blue", collectors=frozenset({"cpu"})
    )
    assert load(["--config.file", path]).every == 60.0


def test_lists(file) -> None:
    assert load(["--web.listen-address=a", "--web.listen-address=b"]).address == ("a", "b")
    assert load(environment={"JOBGAUGE_WEB_LISTEN_ADDRESS": "a, b"}).address == ("a", "b")
    assert load(["--config.file", file("web: {listen-address: [a, b]}")]).address == ("a", "b")
    assert load(["--config.file", file("web.listen-address: a")]).address == ("a",)


def test_switches(file) -> None:
    assert load(["--loud"]).loud
    assert not load(["--no-loud"], {"JOBGAUGE_LOUD": "true"}).loud
    assert load(["--config.file", file("loud: true")]).loud
    assert load(["--collector.extra", "--no-collector.cpu"]).collectors == {"extra"}
    assert load(["--config.file", file("collector: {cpu: false, extra: true}")]).collectors == {"extra"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web.listen-adress: x", "unknown key 'web.listen-adress'; did you mean 'web.listen-address'?"),
        ("web: {listenaddress: x}", "did you mean 'web.listen-address'?"),
        ("collector: {cpus: true}", "unknown key 'collector.cpus'; did you mean 'collector.cpu'?"),
        ("collector: {always: false}", "unknown key 'collector.always'"),
        ("7: x", "unknown key '7'"),
        ("process.top: many", "process.top: 'many' is not a whole number above zero"),
        ("process.top: [1, 2]", "process.top: one value is expected, not a list"),
        ("process.top:", "process.top: a value is expected, not None"),
        ("interval.jobs: 60", "'60' is not a duration: write 500ms, 30s, 5m, 1h or 2d"),
        ("colour: green", "'green' is none of red, blue"),
        ("loud: perhaps", "'perhaps' is neither true nor false"),
        ("- a list", "settings are expected"),
        ("a: [", "not valid YAML"),
        (b"a: \xff", "not valid YAML"),
        ("web: {listen-address: [{a: b}]}", "a value is expected, not {'a': 'b'}"),
    ],
)
def test_a_bad_file_says_what_to_write(file, text: str | bytes, message: str) -> None:
    path = file(text)
    with pytest.raises(ConfigError) as caught:
        load(["--config.file", path])
    assert str(caught.value).startswith(path)
    assert message in str(caught.value)


def test_a_missing_file_and_an_empty_one(tmp_path: Path, file) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(["--config.file", str(tmp_path / "none.yml")])
    assert load(["--config.file", file("")]) == load()


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(ConfigError, match=r"environment variable JOBGAUGE_PROCESS_TOP: process\.top: '0'"):
        load(environment={"JOBGAUGE_PROCESS_TOP": "0"})


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (
            ["--web.listen-adress=x"],
            "unknown argument --web.listen-adress; did you mean '--web.listen-address'?",
        ),
        (["--process"], "unknown argument --process"),  # no abbreviations: they break when a flag is added
        (["stray"], "unknown argument stray"),
        (["--process.top"], "expected one argument"),
        (["--once"], "unknown argument --once"),
    ],
)
def test_wrong_use_ends_with_2(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(argv)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load(["--help"], once="one scrape")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in (
        "--process.top",
        "(default: 5)",
        "--collector.extra",
        "JOBGAUGE_",
        "--check-config",
        "--once",
    ):
        assert word in text


@given(st.text(max_size=20))
def test_parsers_raise_nothing_but_value_errors(text: str) -> None:
    for parse in (boolean, duration, positive, one_of("a", "b")):
        try:
            parse(text)
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("30s", 30), ("1.5m", 90), ("5m", 300), ("1h", 3600), ("2d", 172800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds
