"""Errors that NVIDIA's driver reports of a GPU (XID), which it tells once to whoever waits for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)

_AT_ONCE = 1000  # errors that are taken at one look; the driver keeps the rest
_CODES = 64  # of one GPU that are told apart
_WHOLE = 0xFFFFFFFF  # no instance: the error is the whole GPU's


class XidErrors:
    """Counts the errors of each GPU, or MIG instance of one, for as long as the exporter runs."""

    def __init__(self) -> None:
        self._events: Any = None
        self._uuids: dict[int, str] = {}  # by the driver's handle: a lost GPU does not tell its own any more
        self._counts: dict[tuple[str, int | None], dict[str, int]] = {}

    def of(self, uuid: str, part: int | None = None) -> Mapping[str, int]:
        """Return the count of each error of a GPU as a whole, or of an instance of one."""
        return self._counts.get((uuid, part), {})

    def begin(self, nvml: Any) -> None:
        """Have the driver, just initialised, keep the errors of all GPUs that can tell them."""
        self._events, self._uuids = None, {}
        try:
            events = nvml.nvmlEventSetCreate()
            count = nvml.nvmlDeviceGetCount()
        except nvml.NVMLError as error:
            log.debug("the GPUs' driver reports no errors: %s", error)
            return
        for index in range(count):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                nvml.nvmlDeviceRegisterEvents(handle, nvml.nvmlEventTypeXidCriticalError, events)
                self._uuids[_address(handle)] = nvml.nvmlDeviceGetUUID(handle)
            except nvml.NVMLError as error:
                log.debug("GPU %d does not report its errors: %s", index, error)
        if self._uuids:  # a wait for nothing would be an error
            self._events = events

    def end(self, nvml: Any) -> None:
        """Free what the driver keeps for this."""
        if self._events is not None:
            with suppress(nvml.NVMLError):
                nvml.nvmlEventSetFree(self._events)
        self._events = None

    def look(self, nvml: Any) -> None:
        """Count what has happened since the last look; wait for nothing."""
        for _ in range(_AT_ONCE if self._events is not None else 0):
            try:
                event = nvml.nvmlEventSetWait_v2(self._events, 0)
            except nvml.NVMLError:  # a timeout: nothing more
                return
            uuid = self._uuids.get(_address(event.device))
            if uuid is not None and event.eventType & nvml.nvmlEventTypeXidCriticalError:
                part = None if event.gpuInstanceId == _WHOLE else event.gpuInstanceId
                counts = self._counts.setdefault((uuid, part), {})
                code = str(event.eventData)
                code = code if code in counts or len(counts) < _CODES else "other"
                counts[code] = counts.get(code, 0) + 1


def _address(handle: Any) -> int:
    import ctypes  # noqa: PLC0415 - pynvml has it loaded; nodes without GPUs do without

    return ctypes.cast(handle, ctypes.c_void_p).value or 0
