"""The command jobgauge-demo."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from jobgauge.config import Loader
from jobgauge.errors import ConfigError, JobgaugeError
from jobgauge_demo import programs
from jobgauge_demo.demo import Demo
from jobgauge_demo.settings import DemoConfig

PROGRAM = "jobgauge-demo"
_ABOUT = """\
Run the whole suite on a simulated cluster: the same programs as in production, with a simulation beneath them.

  jobgauge-demo                        a day of history, then live; Ctrl-C ends it
  jobgauge-demo --once                 start, check that everything works, end; exit code 0 or 1
  jobgauge-demo --nodes 50 --seed 7    another cluster

Ports, all on 127.0.0.1, counted from --port-base (9790):
  +0 Prometheus   +1 Alertmanager   +2 Grafana   +5 scheduler exporter   +6 gateway   +7 its own metrics
  +9 viewer   +10, +11, ... job exporters of the nodes
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0 fine, 1 failed at work, 2 wrong use."""
    loader = Loader(
        DemoConfig,
        program=PROGRAM,
        about=_ABOUT,
        argv=sys.argv[1:] if argv is None else argv,
        environment=os.environ,
        once="start everything, check that it works and that the right alerts fire, print a table, and end",
    )
    try:
        config = loader.load()
        if loader.action.check_config:
            programs.refuse_missing(programs.REQUIRED)
            print(f"{PROGRAM}: configuration is good")  # noqa: T201 - what --check-config is for
            return 0
        return Demo(config).run(once=loader.action.once)
    except ConfigError as error:
        return _complain(error, 2)
    except (JobgaugeError, OSError) as error:
        return _complain(error, 1)
    except KeyboardInterrupt:
        return 0


def _complain(error: Exception, code: int) -> int:
    print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - a command's own message
    return code
