"""Files that are written again and again, in place, and only when their text has changed."""

from __future__ import annotations

import os


class Files:
    """Remembers what each file holds."""

    def __init__(self) -> None:
        self._text: dict[str, str] = {}

    def put(self, path: str, text: str) -> None:
        """Have a file hold this text; its folders are made where they are missing."""
        before = self._text.get(path)
        if text == before:
            return
        self._text[path] = text
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            fd = os.open(path, flags, 0o644)
        try:
            data = text.encode()
            os.pwrite(fd, data, 0)
            if before is None or len(text) < len(before):
                os.ftruncate(fd, len(data))
        finally:
            os.close(fd)

    def moved(self, old: str, new: str) -> None:
        """Take note that a folder has another name now."""
        for path in [path for path in self._text if path.startswith(old + "/")]:
            self._text[new + path[len(old) :]] = self._text.pop(path)
