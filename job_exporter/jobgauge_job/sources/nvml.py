"""NVIDIA GPUs by the driver's library (NVML). Calls may block, so only a worker makes them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from jobgauge.errors import NoData, SourceError
from jobgauge_job.sources.gpu import Gpu, Reading
from jobgauge_job.sources.xid import XidErrors

log = logging.getLogger(__name__)

_TRANSMIT, _RECEIVE = "transmit", "receive"
# Field ids of counters: bytes over PCIe since the driver was loaded; KiB of data over NVLinks.
_PCIE = {197: _TRANSMIT, 198: _RECEIVE}
_NVLINK = {138: _TRANSMIT, 139: _RECEIVE}
_ALL_LINKS = 0xFFFFFFFF
_KIB = 1024
_LIBRARY = "libnvidia-ml.so"


class Nvml:
    """Reads GPUs through pynvml, which is loaded only where the kernel has NVIDIA's driver."""

    def __init__(self, procfs: str) -> None:
        self._driver = f"{procfs}/driver/nvidia"
        self._nvml: Any = None  # the module, once the library is initialised
        self._xids = XidErrors()
        self._known: dict[int, list[Gpu]] = {}  # what each index was when it answered last

    def read(self) -> Sequence[Gpu]:
        """Return all GPUs that answer; begin again with the library after an error of the whole of it."""
        if not os.path.isdir(self._driver):
            self._drop()
            raise NoData("the kernel has no NVIDIA driver")
        try:
            nvml = self._nvml = self._nvml or self._start()
            count = nvml.nvmlDeviceGetCount()
        except Exception as error:  # NVMLError; its class is known only where pynvml is installed
            self._drop()  # a driver that has been exchanged needs a new start
            raise SourceError(f"NVML does not answer: {error}") from error
        alive: list[list[Gpu]] = []
        silent: list[list[Gpu]] = []
        for index in range(count):
            try:
                gpus = self._known[index] = _Device(nvml, index).read()
                alive.append(gpus)
            except nvml.NVMLError as error:
                log.debug("GPU %d does not answer: %s", index, error)  # a lost one costs its own series
                silent.append(
                    [replace(gpu, pids=frozenset(), values={}) for gpu in self._known.get(index, ())]
                )
        self._xids.look(nvml)  # now: what was lost a moment ago has said why before
        found = [gpu for gpus in alive for gpu in self._with_errors(gpus)]
        lost = [gpu for gpus in silent for gpu in self._with_errors(gpus) if gpu.values]
        if count and not found:
            self._drop()  # a library that knows of GPUs from before its driver was exchanged counts them all the same
            if not lost:
                raise SourceError(f"none of the {count} GPUs answers to NVML")
        return found + lost

    def _with_errors(self, gpus: Sequence[Gpu]) -> list[Gpu]:
        """Add the XID errors to what one GPU and its instances tell; a lost one may have had an error that says why."""
        return [replace(gpu, values={**gpu.values, **self._errors(gpus[0], gpu)}) for gpu in gpus]

    def _errors(self, whole: Gpu, gpu: Gpu) -> dict[Reading, float]:
        if gpu is not whole and gpu.part is None:
            return {}  # an instance of which the driver does not tell the number
        return {("xid", code): count for code, count in self._xids.of(whole.uuid, gpu.part).items()}

    def _start(self) -> Any:
        try:
            import pynvml  # noqa: PLC0415 - an optional dependency, of nodes with GPUs
        except ImportError as error:
            raise SourceError("there is an NVIDIA driver, but no pynvml: install jobgauge[nvidia]") from error
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            if error.value != pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
                raise
            _load_again(pynvml)
            pynvml.nvmlInit()
        self._xids.begin(pynvml)
        return pynvml

    def _drop(self) -> None:
        if self._nvml is not None:
            self._xids.end(self._nvml)
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        self._nvml = None


def _load_again(nvml: Any) -> None:
    """Have pynvml use the library as it is on disk now: the one in memory is older, or newer, than the kernel's driver.

    By a path of a new spelling, since the dynamic loader takes one that it knows for the library that it has. What is in
    memory stays there, for nobody knows whether code of it still runs.
    """
    import ctypes  # noqa: PLC0415 - pynvml has it loaded; nodes without GPUs do without

    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        lines = [line.split(None, 5) for line in maps if _LIBRARY in line]
    loaded = {int(inode) for _, _, _, _, inode, _ in lines}
    if not loaded:
        return
    folder, name = os.path.dirname(lines[0][5]), f"{_LIBRARY}.1"
    try:
        if os.stat(os.path.join(folder, name)).st_ino in loaded:
            return  # the new one is not there yet
        nvml.nvmlLib = ctypes.CDLL(os.path.join(folder, *("." for _ in loaded), name))
    except OSError as error:
        raise SourceError(f"the driver's new library cannot be loaded: {error}") from error
    nvml._nvmlGetFunctionPointer_cache.clear()  # noqa: SLF001 - pynvml itself never lets go of a library


class _Device:
    """One GPU by its index."""

    def __init__(self, nvml: Any, index: int) -> None:
        self._nvml = nvml
        self._index = index
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self._model = nvml.nvmlDeviceGetName(self._handle)

    def read(self) -> list[Gpu]:
        """Return the GPU, and its instances where it is divided."""
        mode = self._ask(self._nvml.nvmlDeviceGetMigMode, self._handle)
        divided = bool(mode) and mode[0] == self._nvml.NVML_DEVICE_MIG_ENABLE
        minor = self._ask(self._nvml.nvmlDeviceGetMinorNumber, self._handle)
        whole = self._gpu(str(self._index), self._handle)
        values = {reading: value for reading, value in self._values() if value is not None}
        if not divided:
            return [replace(whole, minor=minor, values={**whole.values, **values})]
        # Its memory is its instances', and so are its processes.
        parent = replace(whole, minor=minor, pids=frozenset(), divided=True, values=values)
        return [parent, *self._instances()]

    def _instances(self) -> Iterator[Gpu]:
        for number in range(self._ask(self._nvml.nvmlDeviceGetMaxMigDeviceCount, self._handle) or 0):
            handle = self._ask(self._nvml.nvmlDeviceGetMigDeviceHandleByIndex, self._handle, number)
            if handle is not None:
                part = self._ask(self._nvml.nvmlDeviceGetGpuInstanceId, handle)
                yield replace(self._gpu(f"{self._index}.{number}", handle), part=part)

    def _gpu(self, number: str, handle: Any) -> Gpu:
        """Read what a GPU and an instance of one both have."""
        name = self._nvml.nvmlDeviceGetName(handle)
        memory = self._ask(self._nvml.nvmlDeviceGetMemoryInfo, handle)
        processes = self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
        values: dict[Reading, float] = (
            {("memory_used", ""): memory.used, ("memory_total", ""): memory.total} if memory else {}
        )
        return Gpu(
            number,
            self._nvml.nvmlDeviceGetUUID(handle),
            self._model,
            name.rpartition(" MIG ")[2] if " MIG " in name else "",
            pids=frozenset(process.pid for process in processes),
            values=values,
        )

    def _values(self) -> Iterator[tuple[Reading, float | None]]:
        nvml, handle = self._nvml, self._handle
        used = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        yield ("utilization", ""), used.gpu / 100 if used else None
        yield ("power", ""), self._scaled(0.001, nvml.nvmlDeviceGetPowerUsage)
        yield ("energy", ""), self._scaled(0.001, nvml.nvmlDeviceGetTotalEnergyConsumption)
        yield ("temperature", ""), self._scaled(1, nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU)
        yield ("sm_clock", ""), self._scaled(1e6, nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM)
        for kind, error in (
            ("corrected", nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED),
            ("uncorrected", nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED),
        ):
            count = (nvml.nvmlDeviceGetTotalEccErrors, error, nvml.NVML_VOLATILE_ECC)
            yield ("ecc", kind), self._scaled(1, *count)
        for reason, policy in (
            ("power", nvml.NVML_PERF_POLICY_POWER),
            ("thermal", nvml.NVML_PERF_POLICY_THERMAL),
        ):
            status = self._ask(nvml.nvmlDeviceGetViolationStatus, handle, policy)
            yield ("throttled", reason), status.violationTime / 1e9 if status else None
        yield from self._traffic()

    def _traffic(self) -> Iterator[tuple[Reading, float | None]]:
        for asked in (list(_PCIE), [(field, _ALL_LINKS) for field in _NVLINK]):
            for field in self._ask(self._nvml.nvmlDeviceGetFieldValues, self._handle, asked) or []:
                if field.nvmlReturn != self._nvml.NVML_SUCCESS:
                    continue
                if field.fieldId in _PCIE:
                    yield ("pcie", _PCIE[field.fieldId]), field.value.ullVal
                elif field.fieldId in _NVLINK:
                    yield ("nvlink", _NVLINK[field.fieldId]), _KIB * field.value.ullVal

    def _scaled(self, unit: float, function: Callable[..., Any], *more: Any) -> float | None:
        value = self._ask(function, self._handle, *more)
        return None if value is None else value * unit

    def _ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the answer; None where the device has none, for a model or a driver need not have everything."""
        try:
            return function(*arguments)
        except self._nvml.NVMLError as error:
            if error.value == self._nvml.NVML_ERROR_GPU_IS_LOST:
                raise
            return None
