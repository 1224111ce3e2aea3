"""The evidence of one answer as one HTML file: to read without Broadsheet, and to be checked again with it. Pure.

The page is made of the bundle alone, which is in it once more, as it was, in a folded block of text. So a program can
take the bundle out, check it, and make the page again: what is shown and what was checked cannot differ unseen.
Nothing in it becomes more than text, as in `desk.export`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape, unescape
from typing import Any

from desk import basis
from desk.export import Exchange, Source, article, page, shown

_DATA = '<pre id="evidence">'
_BLOCK = re.compile(rf"{re.escape(_DATA)}([^<]*)</pre>")


def html(bundle: Mapping[str, Any], answer: str) -> str:
    """The page of a bundle. `answer` is its answer with each citation as `[n]`.

    Raises KeyError, TypeError or ValueError for what is no bundle.
    """
    exchange = Exchange(
        question=bundle["question"],
        answer=answer,
        state=bundle["state"],
        reason="",
        model=bundle["model"],
        asked_at=datetime.fromisoformat(bundle["asked_at"]),
        sources=tuple(_source(passage, bundle["cited"]) for passage in bundle["passages"]),
        basis=basis.read(bundle),
    )
    body = "\n".join(
        (
            article(exchange),
            "<h3>What was checked</h3>",
            "<p>By program, word by word, against the passages: no second model was asked.</p>",
            f"<dl>\n{''.join(_checked(check) for check in bundle['checks'])}</dl>",
            "<h3>What was sent</h3>",
            f"<ul>\n{''.join(f'<li>{shown(line)}</li>{chr(10)}' for line in _facts(bundle))}</ul>",
            "<h3>Sums</h3>",
            f"<ul>\n{''.join(_sum(told, value) for told, value in _sums(bundle))}</ul>",
            "<p>Checked again, offline: <code>python -m llm verify FILE</code>. It makes the sums anew, looks up the "
            "quotes, and checks the answer once more.</p>",
            f"<details><summary>The same for programs</summary>{_DATA}{escape(json.dumps(bundle, indent=1))}</pre>"
            "</details>",
        )
    )
    return page("Evidence of an answer", body)


def data(text: str) -> str:
    """The bundle in a page of `html`, as JSON; "" if there is not just one."""
    found = _BLOCK.findall(text)
    return unescape(found[0]) if len(found) == 1 else ""


def _source(passage: Mapping[str, Any], cited: list[int]) -> Source:
    return Source(
        passage["n"], passage["title"], passage["url"], passage["feed"],
        datetime.fromisoformat(passage["published_at"]), passage["text"], passage["n"] in cited,
    )  # fmt: skip


def _checked(check: Mapping[str, Any]) -> str:
    about = [check["verdict"].capitalize()]
    if check["verdict"] != "supported":
        about += [_failed(failure) for failure in check["failed"]]
    if check["found"]:
        about.append(f"found by Broadsheet in passage {check['found']}, which this sentence does not cite")
    quote = ""
    if check["quote"]:
        quote = f'<blockquote dir="auto">{_carried(check)} <a class="n" href="#s1-{int(check["passage"])}">'
        quote += f"[{int(check['passage'])}]</a></blockquote>"
    told = "; ".join(about)
    return f'<dt dir="auto">{shown(check["claim"])}</dt>\n<dd><p class="told">{shown(told)}</p>{quote}</dd>\n'


def _failed(failure: Mapping[str, str]) -> str:
    instead = f", the passage has “{failure['found']}”" if failure["found"] else ""
    return f"{failure['kind']} “{failure['claimed']}”{instead}"


def _carried(check: Mapping[str, Any]) -> str:
    """The quote, with the words that carry the claim marked."""
    quote, at, pieces = check["quote"], 0, []
    for start, end in check["carriers"]:
        if at <= start < end <= len(quote):
            pieces.append(f"{shown(quote[at:start])}<mark>{shown(quote[start:end])}</mark>")
            at = end
    return "".join(pieces) + shown(quote[at:])


def _facts(bundle: Mapping[str, Any]) -> Iterator[str]:
    settings, usage = bundle["settings"], bundle["usage"]
    if not bundle["covered"]:
        yield "What was found is hardly about the question."
    if settings:
        sent = ", ".join(f"{kind} {tokens:,}" for kind, tokens in settings["sent"].items())
        yield f"Sent, in tokens ({settings['counted']}): {sent}."
        yield f"Of a budget of {settings['budget']:,} tokens, {settings['reply']:,} were kept for the reply."
        if left := {kind: many for kind, many in settings["left_out"].items() if many}:
            yield f"Left out for want of room: {', '.join(f'{kind} {many:,}' for kind, many in left.items())}."
    if usage:
        yield f"The provider counted {usage['prompt']:,} tokens of prompt and {usage['completion']:,} of reply."


def _sums(bundle: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for passage in bundle["passages"]:
        yield f"Passage {passage['n']}", passage["sha256"]
    yield "All of it", bundle["sha256"]


def _sum(told: str, value: str) -> str:
    return f'<li>{shown(told)}: <span class="sum">{shown(value)}</span></li>\n'
