"""Answers on the command line: python -m llm ask "question", and python -m llm verify FILE.

The answer streams to stdout, followed by its sources; `--json` prints one JSON object and nothing else. Settings by
environment: DATABASE_URL, and GROQ_API_KEY, GROQ_BASE_URL, GROQ_MODEL; with neither key nor address the answer is made
of quotations. An address alone is any server with OpenAI's paths; without GROQ_MODEL its best model answers.
`verify` checks the evidence of an answer again, HTML or JSON as exported, offline: what no longer holds, a line each.
Exit status: 0 it worked; 1 it did not, with one sentence on stderr; 2 a bad argument, with one sentence.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from desk import evidence
from llm import bundle
from llm.assistant import Answer, ask
from llm.base import ChatModel, ModelError
from llm.citations import numbered
from llm.extractive import ExtractiveModel
from llm.groq import GroqModel
from llm.markdown import HIDDEN
from llm.models import DEFAULT, choose
from news.__main__ import Parser, moment, positive
from news.errors import NewsError
from news.search import search
from news.store import Store
from news.types import Found
from storage.engine import DEFAULT_URL, StorageError, connect


def question(text: str) -> str:
    """A question that asks something."""
    if not text.strip():
        raise argparse.ArgumentTypeError("there is no question to answer")
    return text.strip()


def arguments() -> Parser:
    """The command line."""
    parser = Parser(prog="python -m llm", description="Questions in, cited answers out.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    asking = verbs.add_parser("ask", help="answer a question from the stored articles")
    asking.add_argument("question", type=question, metavar="QUESTION")
    asking.add_argument("--as-of", type=moment, metavar="ISO", help="answer from what was known at that moment")
    asking.add_argument("--now", type=moment, metavar="ISO", help="the clock for this one run")
    asking.add_argument("--k", type=positive, default=10, help="how many passages to look for")
    asking.add_argument("--json", action="store_true")
    verifying = verbs.add_parser("verify", help="check the exported evidence of an answer again")
    verifying.add_argument("file", type=Path, metavar="FILE")
    return parser


def chat_model() -> ChatModel:
    """The model that the environment names, else the one that quotes. Raises `ModelError`."""
    key, address, name = (os.environ.get(each, "") for each in ("GROQ_API_KEY", "GROQ_BASE_URL", "GROQ_MODEL"))
    if not key and not address:
        return ExtractiveModel()
    if key:
        return GroqModel(key, model=name or DEFAULT, base_url=address or None)
    server = partial(GroqModel, key, base_url=address, openai_paths=True)
    return server(model=name or choose(live=server().list_models()))


def main(argv: Sequence[str] | None = None) -> int:
    """Answer one question, or check an answer again; returns the exit status."""
    given = arguments().parse_args(argv)
    if given.verb == "verify":
        return verify(given.file)
    logging.getLogger().addHandler(logging.NullHandler())  # what is logged on the way belongs to a server's owner
    now = given.as_of or given.now or datetime.now(UTC)
    try:
        store = Store(connect(os.environ.get("DATABASE_URL") or DEFAULT_URL))

        def retrieve(asked: str, earlier: Sequence[str]) -> Found:
            return search(store, asked, now=now, k=given.k, as_of=given.as_of, earlier=earlier)

        answer = ask(given.question, [], model=chat_model(), retrieve=retrieve, now=now)
        try:
            write(answer, quietly=given.json)
        finally:
            answer.close()
    except (NewsError, StorageError, ModelError) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the output (head, less) has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 1
    if answer.state != "done":
        print(answer.reason, file=sys.stderr)
    return 0 if answer.state == "done" else 1


def verify(file: Path) -> int:
    """Check a file of evidence again; returns the exit status."""
    try:
        text = file.read_bytes()[: 4 * bundle.MOST_CHARACTERS].decode()
        wrong, told = verified(text)
    except OSError as error:
        print(f"The file could not be read: {error.strerror}.", file=sys.stderr)
        return 1
    except UnicodeDecodeError:
        print("This file is not the evidence of an answer: it is no text.", file=sys.stderr)
        return 1
    except bundle.NotABundle as error:
        print(error, file=sys.stderr)
        return 1
    for sentence in wrong:
        print(HIDDEN.sub("", " ".join(sentence.split())))
    if not wrong:
        count = len(told["checks"])
        print(f"All of it holds: {len(told['passages'])} passages, {count} {'claim' if count == 1 else 'claims'}.")
    return 1 if wrong else 0


def verified(text: str) -> tuple[list[str], dict[str, Any]]:
    """What does not hold of a file of evidence, and its bundle. Raises `NotABundle`."""
    is_page = not text.lstrip().startswith("{")
    told = bundle.read(evidence.data(text) if is_page else text)
    wrong = bundle.verify(told)
    if is_page and text != page_of(told):
        wrong.append("The page does not show what its data says: it was changed after it was written.")
    return wrong, told


def page_of(told: dict[str, Any]) -> str:
    """The page of a bundle, "" if there can be none."""
    try:
        return evidence.html(told, numbered(told["answer"], len(told["passages"])))
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""


def write(answer: Answer, *, quietly: bool) -> None:
    """Write the answer to stdout while it comes, then its sources; `quietly`, one JSON object at its end."""
    written = 0
    for _ in answer:
        if not quietly:
            print(HIDDEN.sub("", answer.raw[written:]), end="", flush=True)  # no escape sequence reaches a terminal
            written = len(answer.raw)
    if quietly:
        print(json.dumps(answer.as_dict(), ensure_ascii=False), flush=True)
        return
    print(HIDDEN.sub("", answer.raw[written:]))
    if answer.citations:
        print("\nSources")
    for n, passage in ((citation.n, citation.passage) for citation in answer.citations):
        print(
            HIDDEN.sub("", f"[{n}] {passage.title}\n    {passage.feed}, {passage.published_at:%Y-%m-%d}, {passage.url}")
        )
    if answer.notice:
        print(answer.notice, file=sys.stderr)
    sys.stdout.flush()


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):  # a pipe on Windows is not UTF-8 by itself
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
