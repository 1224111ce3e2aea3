"""The app as a person starts it: `streamlit run app.py` in a process of its own, on loopback, with a fresh database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 60.0
# The app gets these settings from a test alone, never from the machine it runs on.
OURS = (
    "GROQ_API_KEY",
    "GROQ_BASE_URL",
    "GROQ_MODEL",
    "DATABASE_URL",
    "ALLOW_PRIVATE_FEEDS",
    "ALLOW_PICTURES",
    "ANSWERS_AT_ONCE",
)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class AppServer:
    """A running app; `url` is its address, `log` what it printed. `settings` are its environment variables.

    `script` is what is started: app.py, or asgi.py, the same behind a second wall.
    """

    def __init__(self, folder: Path, *, script: str = "app.py", **settings: str) -> None:
        self.script = script
        self.folder = folder
        self.log_path = folder / "app.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = settings.pop("DATABASE_URL", f"sqlite:///{folder / 'broadsheet.db'}")
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it and wait until it answers."""
        environment = {name: value for name, value in os.environ.items() if name not in OURS}
        environment |= {"DATABASE_URL": self.database_url, **self.settings}
        command = [
            sys.executable, "-m", "streamlit", "run", self.script,
            "--server.port", str(self.port), "--server.address", "127.0.0.1",
            "--server.headless", "true", "--server.fileWatcherType", "none",
        ]  # fmt: skip
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        ends = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < ends:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as answer:
                    if answer.read() == b"ok":
                        return self
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError(f"the app did not start:\n{self.log}")

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)

    def stop(self) -> None:
        """End it in order."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
