"""A real nginx for tests: Debian's, with the site that `compose.yaml` gives its proxy, before other addresses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.browser.app_server import ROOT, free_port

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SITE = ROOT / "deploy" / "nginx.conf"
_MAIN = """
daemon off;
pid {folder}/pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class NginxServer:
    """A proxy before the apps at these ports of loopback, in `with`; `url` is its address, `log` what it printed."""

    def __init__(self, apps: Sequence[int]) -> None:
        if NGINX is None:
            raise RuntimeError("nginx is not installed (Debian: nginx-light).")
        self._nginx = NGINX
        self.folder = Path(tempfile.mkdtemp(prefix="bs-nginx-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        site, names = re.subn(r"app-(\d):8501", lambda name: f"127.0.0.1:{apps[int(name[1]) - 1]}", SITE.read_text())
        site, ports = re.subn("listen 80;", f"listen 127.0.0.1:{self.port};", site)
        assert (names, ports) == (len(apps), 1)
        (self.folder / "site.conf").write_text(site)
        (self.folder / "nginx.conf").write_text(_MAIN.format(folder=self.folder))

    @property
    def printed(self) -> str:
        """All it has said so far."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def log(self) -> list[dict[str, str]]:
        """The requests that have ended, by the names in their lines."""
        return [
            dict(re.findall(r'(\w+)="?([^" ]*)"?', line))
            for line in self.printed.splitlines()
            if line.startswith("event=")
        ]

    def __enter__(self) -> Self:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._nginx, "-p", self.folder, "-c", self.folder / "nginx.conf"], stdout=log, stderr=log
            )
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.url}/metrics", timeout=2)
            except urllib.error.HTTPError:
                return self
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(0.05)
        self._close()
        raise RuntimeError(f"nginx did not start:\n{self.printed}")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
