"""Progress of processes that print nothing of their own: they tell one other process of the run, which
speaks for all."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from headless_conformance.core.progress import Progress, RunningStep

CHANNEL_VARIABLE = "HEADLESS_CONFORMANCE_PROGRESS"
"""Path of the named pipe that the speaking process reads."""
LONGEST = 1000
"""Characters of a text: the lines of several writers stay whole up to 4,096 bytes."""


class ChannelProgress(Progress):
    """Steps of this process, told to the one that speaks; nothing is said where that has gone."""

    def __init__(self, channel: Path) -> None:
        super().__init__()
        self._pipe = -1
        with suppress(OSError):
            self._pipe = os.open(channel, os.O_WRONLY | os.O_NONBLOCK)
            os.set_blocking(self._pipe, True)

    def tell(self, **message: object) -> None:
        """Hand a message over as it is."""
        with suppress(OSError):
            os.write(self._pipe, f"{json.dumps(message)}\n".encode())

    def say(self, text: str, style: str = "") -> None:
        self.tell(what="say", text=text[:LONGEST], style=style)

    def begin(self, title: str) -> RunningStep:
        self.tell(what="begin", title=title)
        return RunningStep(title, title, time.monotonic())

    def end(self, running: RunningStep, outcome: str = "") -> None:
        self.tell(what="end", title=running.title, outcome=outcome, note=running.note)

    def skip(self, title: str, why: str) -> None:
        self.tell(what="skip", title=title, why=why)


class ProgressPipe:
    """The end of the process that speaks: hands each message to the function of its name, in a thread."""

    def __init__(self, path: Path, functions: Mapping[str, Callable[..., object]]) -> None:
        self._functions = functions
        self.path = path
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        # For writing, too: or the pipe would end with the first of its writers.
        self._pipe = os.fdopen(os.open(self.path, os.O_RDWR), "rb", buffering=0)
        self._own = ChannelProgress(self.path)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Deal with what has been told so far, and listen no more."""
        self._own.tell(what="close")
        self._thread.join()
        self._pipe.close()
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        text = b""
        while True:
            *lines, text = (text + self._pipe.read(65536)).split(b"\n")
            for line in lines:
                message = json.loads(line)
                what = message.pop("what")
                if what == "close":
                    return
                self._functions[what](**message)
