"""The subjects of the job exporter. To add one: a file beside this one, and its class in the table."""

from jobgauge_job.collectors.base import JobCollector
from jobgauge_job.collectors.cores import CoresCollector
from jobgauge_job.collectors.cpu import CpuCollector
from jobgauge_job.collectors.energy import EnergyCollector
from jobgauge_job.collectors.gpu import GpuCollector
from jobgauge_job.collectors.infiniband import InfinibandCollector
from jobgauge_job.collectors.io import IoCollector
from jobgauge_job.collectors.jobs import JobsCollector
from jobgauge_job.collectors.lustre import LustreCollector
from jobgauge_job.collectors.memory import MemoryCollector
from jobgauge_job.collectors.network import NetworkCollector
from jobgauge_job.collectors.nfs import NfsCollector
from jobgauge_job.collectors.pressure import PressureCollector
from jobgauge_job.collectors.processes import ProcessesCollector
from jobgauge_job.collectors.scratch import ScratchCollector
from jobgauge_job.collectors.steps import StepsCollector

COLLECTORS: tuple[type[JobCollector], ...] = (
    JobsCollector,
    CpuCollector,
    MemoryCollector,
    PressureCollector,
    IoCollector,
    ProcessesCollector,
    GpuCollector,
    NetworkCollector,
    InfinibandCollector,
    LustreCollector,
    NfsCollector,
    ScratchCollector,
    EnergyCollector,
    StepsCollector,
    CoresCollector,
)
