"""Where schedulers keep the cgroups of jobs. To add a layout: a file beside this one, and its class in the table."""

from jobgauge_job.layouts.base import Layout
from jobgauge_job.layouts.slurm_v2 import SlurmV2

LAYOUTS: tuple[type[Layout], ...] = (SlurmV2,)
