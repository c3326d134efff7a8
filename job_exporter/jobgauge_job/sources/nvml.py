"""NVIDIA GPUs by the driver's library (NVML). Calls may block, so only a worker makes them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jobgauge.errors import NoData, SourceError
from jobgauge_job.sources.gpu import Gpu, Reading

log = logging.getLogger(__name__)

_PCIE_TRANSMIT, _PCIE_RECEIVE = 197, 198  # field ids: bytes since the driver was loaded


class Nvml:
    """Reads GPUs through pynvml, which is loaded only where the kernel has NVIDIA's driver."""

    def __init__(self, procfs: str) -> None:
        self._driver = f"{procfs}/driver/nvidia"
        self._nvml: Any = None  # the module, once the library is initialised

    def read(self) -> Sequence[Gpu]:
        """Return all GPUs that answer; begin again with the library after an error of the whole of it."""
        if not os.path.isdir(self._driver):
            raise NoData("the kernel has no NVIDIA driver")
        try:
            nvml = self._nvml = self._nvml or _start()
            count = nvml.nvmlDeviceGetCount()
        except Exception as error:  # NVMLError; its class is known only where pynvml is installed
            self._nvml = None  # a driver that has been exchanged needs a new start
            raise SourceError(f"NVML does not answer: {error}") from error
        found = []
        for index in range(count):
            try:
                found += _Device(nvml, index).read()
            except nvml.NVMLError as error:
                log.debug("GPU %d does not answer: %s", index, error)  # a lost one costs its own series
        return found


def _start() -> Any:
    try:
        import pynvml  # noqa: PLC0415 - an optional dependency, of nodes with GPUs
    except ImportError as error:
        raise SourceError("there is an NVIDIA driver, but no pynvml: install jobgauge[nvidia]") from error
    pynvml.nvmlInit()
    return pynvml


class _Device:
    """One GPU by its index."""

    def __init__(self, nvml: Any, index: int) -> None:
        self._nvml = nvml
        self._index = index
        self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
        self._model = nvml.nvmlDeviceGetName(self._handle)

    def read(self) -> list[Gpu]:
        """Return the GPU, or its instances where it is divided."""
        mode = self._ask(self._nvml.nvmlDeviceGetMigMode, self._handle)
        if mode and mode[0] == self._nvml.NVML_DEVICE_MIG_ENABLE:
            return list(self._instances())
        minor = self._ask(self._nvml.nvmlDeviceGetMinorNumber, self._handle)
        whole = self._gpu(str(self._index), self._handle)
        values = {reading: value for reading, value in self._values() if value is not None}
        return [Gpu(whole.number, whole.uuid, self._model, "", minor, whole.pids, {**whole.values, **values})]

    def _instances(self) -> Iterator[Gpu]:
        for number in range(self._ask(self._nvml.nvmlDeviceGetMaxMigDeviceCount, self._handle) or 0):
            handle = self._ask(self._nvml.nvmlDeviceGetMigDeviceHandleByIndex, self._handle, number)
            if handle is not None:
                yield self._gpu(f"{self._index}.{number}", handle)

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
        yield from self._pcie()

    def _pcie(self) -> Iterator[tuple[Reading, float | None]]:
        ways = {_PCIE_TRANSMIT: "transmit", _PCIE_RECEIVE: "receive"}
        for field in self._ask(self._nvml.nvmlDeviceGetFieldValues, self._handle, list(ways)) or []:
            if field.nvmlReturn == self._nvml.NVML_SUCCESS and field.fieldId in ways:
                yield ("pcie", ways[field.fieldId]), field.value.ullVal

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
