"""Every error that Jobgauge raises on purpose.

JobgaugeError
├── ConfigError      a setting is wrong; the message names the key and says what to write
├── SourceError      a source (file, command, device, service) could not be read
│   └── CommandError an external command failed, hung or printed too much
├── HttpError        a client's request gets an error as its answer (jobgauge.http1)
└── NoData           the machine has no such thing (no GPU, no Lustre): normal, never a failure
"""


class JobgaugeError(Exception):
    """The root of the tree: its message can be shown to an operator as it is."""


class ConfigError(JobgaugeError):
    """A setting is wrong; ends a start with exit code 2, leaves a running program as it was."""


class SourceError(JobgaugeError):
    """A source could not be read."""


class CommandError(SourceError):
    """An external command failed, hung or printed too much."""


class NoData(JobgaugeError):  # noqa: N818 - it is a statement about the machine, not an error
    """This machine has nothing for this collector to read."""
