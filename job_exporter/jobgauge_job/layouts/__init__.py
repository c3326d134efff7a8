"""Where schedulers keep the cgroups of jobs. To add a layout: a file beside this one, and its class in the table."""

from jobgauge_job.layouts.base import Layout
from jobgauge_job.layouts.machines import MachinesV1, MachinesV2
from jobgauge_job.layouts.pbs import PbsV1, PbsV2, Torque
from jobgauge_job.layouts.slurm_v1 import SlurmV1
from jobgauge_job.layouts.slurm_v2 import SlurmV2
from jobgauge_job.layouts.user_slices import UserSlices

LAYOUTS: tuple[type[Layout], ...] = (
    SlurmV2,
    SlurmV1,
    PbsV1,
    PbsV2,
    Torque,
    UserSlices,
    MachinesV2,
    MachinesV1,
)
