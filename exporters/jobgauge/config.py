"""Configuration: file < environment < flags, validated into one frozen object.

A setting is declared once, as a field of a frozen dataclass made with `option()`. Its flag (`--web.listen-address`), its
environment variable (`JOBGAUGE_WEB_LISTEN_ADDRESS`) and its key in the YAML file (`web.listen-address`, or nested) follow.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from jobgauge import __version__, yamlfile
from jobgauge.collector import Collector
from jobgauge.errors import ConfigError

C = TypeVar("C")


@dataclass(frozen=True)
class Option:
    """How one setting is named and read."""

    name: str
    help: str
    parse: Callable[[str], Any] = str
    many: bool = False  # the flag may be repeated; a list in the file
    metavar: str = "VALUE"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "JOBGAUGE_" + self.name.upper().replace(".", "_").replace("-", "_")

    def read(self, values: Sequence[str], origin: str) -> object:
        """Turn text from `origin` into the setting's value."""
        try:
            parsed = tuple(self.parse(value) for value in values)
        except (ValueError, ConfigError) as error:
            raise ConfigError(f"{origin}: {self.name}: {error}") from error
        return parsed if self.many else parsed[-1]


def option(
    name: str,
    default: Any,
    help: str,  # noqa: A002 - the word that argparse uses
    parse: Callable[[str], Any] = str,
    *,
    many: bool = False,
    metavar: str = "VALUE",
) -> Any:
    """Declare a setting as a field of a configuration dataclass."""
    return field(default=default, metadata={"option": Option(name, help, parse, many, metavar)})


def options(schema: type) -> dict[str, Option]:
    """Return a schema's options by field name."""
    return {f.name: f.metadata["option"] for f in dataclasses.fields(schema) if "option" in f.metadata}


def boolean(text: str) -> bool:
    """Read `true` or `false`."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    raise ValueError(f"{text!r} is neither true nor false")


def duration(text: str) -> float:
    """Read a duration such as `500ms`, `30s`, `5m`, `1h`, `2d`; return seconds."""
    for unit, seconds in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)):
        if text.endswith(unit) and text[: -len(unit)].replace(".", "", 1).isdigit():
            return float(text[: -len(unit)]) * seconds
    raise ValueError(f"{text!r} is not a duration: write 500ms, 30s, 5m, 1h or 2d")


def positive(text: str) -> int:
    """Read a whole number above zero."""
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise ValueError(f"{text!r} is not a whole number above zero")


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser that takes one of the words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text

    return parse


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return `; did you mean X?`, or nothing where no known name is near."""
    import difflib  # noqa: PLC0415 - only for messages

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


@dataclass(frozen=True)
class Action:
    """What a command is asked to do instead of its work."""

    check_config: bool = False
    once: bool = False


class _Help(argparse.RawDescriptionHelpFormatter):
    """Formats as wide as the terminal, which argparse would load shutil for, to stay in memory, with each flag that is added."""

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size().columns
        except OSError:  # no terminal
            columns = 80
        super().__init__(prog, width=columns - 2)


class Loader(Generic[C]):
    """Builds the configuration of one command from its file, the environment and its flags; again at each reload."""

    def __init__(
        self,
        schema: type[C],
        *,
        program: str,
        about: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        once: str = "",
        collectors: Sequence[type[Collector]] = (),
    ) -> None:
        """Read the flags; wrong use ends the program with exit code 2.

        `once` is the help of --once, where there is one. Each of `collectors` gets a switch; those that are on end up in
        the schema's field `collectors`.
        """
        self._schema = schema
        self._options = options(schema)
        self._defaults = {f.name: f.default for f in dataclasses.fields(schema)}  # type: ignore[arg-type]  # a dataclass
        self._switches = {f"collector.{c.name}": c for c in collectors if not c.essential}
        for name, collector in self._switches.items():
            self._options[name] = Option(name, collector.about, boolean)
            self._defaults[name] = collector.default_on
        self._environment = environment
        parser = self._parser(program, about, once)
        arguments, unknown = parser.parse_known_args(argv)
        if unknown:
            flag = unknown[0].split("=")[0]
            parser.error(f"unknown argument {flag}{suggestion(flag, list(parser._option_string_actions))}")  # noqa: SLF001 - argparse has no public list
        self.action = Action(arguments.check_config, getattr(arguments, "once", False))
        self._file: str = arguments.config_file or environment.get("JOBGAUGE_CONFIG_FILE", "")
        self._flags = {k: v for k, v in vars(arguments).items() if k in self._options and v is not None}

    def load(self) -> C:
        """Return the validated configuration; raise ConfigError with the key, where it stands and what to write."""
        values: dict[str, object] = {}
        for source in (self._from_file(), self._from_environment(), self._from_flags()):
            for name, texts, origin in source:
                values[name] = self._options[name].read(texts, origin)
        if self._switches:
            on = {name: values.pop(name, self._defaults[name]) for name in self._switches}
            values["collectors"] = frozenset(self._switches[name].name for name in on if on[name])
        return self._schema(**values)

    def _parser(self, program: str, about: str, once: str) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(
            program,
            usage="%(prog)s [flags]",
            description=about,
            allow_abbrev=False,
            formatter_class=_Help,
            epilog="Each flag can also stand in the configuration file (--web.listen-address as web.listen-address)\n"
            "or in the environment (JOBGAUGE_WEB_LISTEN_ADDRESS). A flag wins over the environment, that over the file.",
        )
        parser.add_argument("--version", action="version", version=f"{program} {__version__}")
        parser.add_argument(
            "--check-config", action="store_true", help="check the configuration, say so, and end"
        )
        if once:
            parser.add_argument("--once", action="store_true", help=once)
        parser.add_argument(
            "--config.file", dest="config_file", metavar="FILE", help="YAML file to read settings from"
        )
        for name, setting in self._options.items():
            _add_flag(parser, name, setting, self._defaults[name])
        return parser

    def _from_file(self) -> Iterator[tuple[str, Sequence[str], str]]:
        if not self._file:
            return
        names = {setting.name: name for name, setting in self._options.items()}
        data = yamlfile.read(self._file)
        lines = yamlfile.lines(self._file)
        for key, value in _flatten(data):
            where = f"{self._file}, line {lines[key]}" if key in lines else self._file
            if key not in names:
                raise ConfigError(f"{where}: unknown key {key!r}{suggestion(key, list(names))}")
            items = value if isinstance(value, list) else [value]
            if isinstance(value, list) and not self._options[names[key]].many:
                raise ConfigError(f"{where}: {key}: one value is expected, not a list")
            yield names[key], [_text(item, f"{where}: {key}") for item in items], where

    def _from_environment(self) -> Iterator[tuple[str, Sequence[str], str]]:
        for name, setting in self._options.items():
            if (text := self._environment.get(setting.variable)) is not None:
                texts = [part.strip() for part in text.split(",")] if setting.many else [text]
                yield name, texts, f"environment variable {setting.variable}"

    def _from_flags(self) -> Iterator[tuple[str, Sequence[str], str]]:
        for name, value in self._flags.items():
            yield name, value if isinstance(value, list) else [value], "command line"


def _add_flag(parser: argparse.ArgumentParser, name: str, setting: Option, default: object) -> None:
    """Add `--name VALUE`, or `--name` and `--no-name` for a switch."""
    if setting.parse is boolean:
        shown = f"{setting.help} (default: {'on' if default else 'off'})"
        parser.add_argument(f"--{setting.name}", dest=name, action="store_const", const="true", help=shown)
        parser.add_argument(
            f"--no-{setting.name}", dest=name, action="store_const", const="false", help=argparse.SUPPRESS
        )
        return
    if setting.parse is duration:
        shown = f"{default:g}s"
    else:
        shown = ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    text = setting.help + (f" (default: {shown})" if shown else "")
    action = "append" if setting.many else "store"
    parser.add_argument(
        f"--{setting.name}", dest=name, action=action, metavar=setting.metavar, help=text.replace("%", "%%")
    )


def _flatten(data: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flatten(value, name + ".")
        else:
            yield name, value


def _text(value: object, where: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ConfigError(f"{where}: a value is expected, not {value!r}")
