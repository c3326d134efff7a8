"""The command line: what is asked for by the first word, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jobgauge import data
from jobgauge.config import Loader, suggestion
from jobgauge.errors import ConfigError, JobgaugeError
from jobgauge.rules import alertmanager, backtest, files
from jobgauge.rules.files import PROGRAM
from jobgauge.rules.settings import RulesConfig, schema

_ABOUT = """Write the Prometheus rule files of Jobgauge with this site's thresholds.

  jobgauge-rules --out /etc/prometheus/rules/jobgauge --config.file /etc/jobgauge/rules.yml
  promtool check rules /etc/prometheus/rules/jobgauge/*.yml

The settings below stand in the file by the names of their flags. Files in the folder that an earlier run wrote and
that exist no more are removed; other files there are left alone.

  jobgauge-rules backtest --help    what the alerts would have told in the past: choose thresholds by evidence
  jobgauge-rules alertmanager --help    mail to owners and staff"""


@dataclass(frozen=True)
class Command:
    """One thing that can be asked for; `check` refuses a wrong configuration, `run` does the work."""

    about: str
    config: type[RulesConfig]
    check: Callable[[Any], None]
    run: Callable[[Any], None]


def _write(config: RulesConfig) -> None:
    files.write(files.written(data.folder("recording_rules"), config), config.out)


def _check(config: RulesConfig) -> None:
    files.written(data.folder("recording_rules"), config)


_COMMANDS = {
    "": Command(_ABOUT, RulesConfig, _check, _write),
    "backtest": Command(backtest.ABOUT, backtest.BacktestConfig, _check, backtest.run),
    "alertmanager": Command(alertmanager.ABOUT, RulesConfig, alertmanager.check, alertmanager.run),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 fine, 1 failed at work, 2 wrong use."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = arguments.pop(0) if arguments and not arguments[0].startswith("-") else ""
    try:
        command = _command(name)
        loader = Loader(
            schema(data.folder("recording_rules") / "settings.yml", command.config),
            program=f"{PROGRAM} {name}".strip(),
            about=command.about,
            argv=arguments,
            environment=os.environ,
        )
        config = loader.load()
        command.check(config)
        if loader.action.check_config:
            print(f"{PROGRAM}: configuration is good")  # noqa: T201 - what --check-config is for
            return 0
        command.run(config)
    except ConfigError as error:
        return _complain(error, 2)
    except (JobgaugeError, OSError) as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 130
    return 0


def _command(name: str) -> Command:
    if name not in _COMMANDS:
        known = [word for word in _COMMANDS if word]
        raise ConfigError(
            f"there is no command {name!r}{suggestion(name, known)} (there are: {', '.join(known)})"
        )
    return _COMMANDS[name]


def _complain(error: Exception, code: int) -> int:
    print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - a command's own message
    return code
