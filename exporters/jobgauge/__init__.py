"""What every part of Jobgauge shares: the catalogue, the runner, the web server, configuration."""

__version__ = "0.1.0"
