"""The page of an article -> its text. The only file that imports trafilatura.

Pages are as hostile as feeds (800 KB of open paragraphs hold trafilatura for 18 seconds), so they are read as feeds
are: in processes that can be killed, `python -m news.article`, kept by the pool of `news.parse`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from news import clean
from news.errors import ParseError, ParseTimedOut
from news.parse import ParserPool, serve
from news.text import visible

_MAX_TEXT = 20_000  # characters, as many as a feed's own text may have
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)


def text_of(page: bytes, content_type: str = "") -> str:
    """The article in an HTML page as plain text, paragraphs separated by blank lines; "" if there is none."""
    import trafilatura  # here, so that only the workers pay for it: 0.4 s and 36 MB

    if "charset" not in content_type and (meta := _META.search(page[:4_000])):
        content_type += "; charset=" + meta[1].decode("ascii")
    html = clean.to_utf8(page, content_type).decode("utf-8", "replace")
    found = trafilatura.extract(html, include_comments=False, include_tables=False) or ""
    lines = (" ".join(visible(line).split()) for line in found.splitlines())
    return "\n\n".join(line for line in lines if line)[:_MAX_TEXT]


class ArticlePool:
    """`text_of` in a process of its own, killed when a page takes more than `seconds` or `memory_mb`."""

    def __init__(self, *, seconds: float = 10.0, memory_mb: int = 512) -> None:
        self._pool = ParserPool(1, seconds=seconds, memory_mb=memory_mb, module="news.article")

    def text(self, page: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> str:
        """As `text_of`, with the page's address and (lower-case) headers. Raises ParseError and ParseTimedOut."""
        try:
            answer = self._pool.ask(page, url, headers, now=now)
        except ParseTimedOut:
            raise ParseTimedOut("Reading the article's page took too much time or memory.", url=url) from None
        except ParseError:
            answer = {"error": "ParseError"}
        if "error" in answer:
            raise ParseError("The article's page could not be read.", url=url)
        return str(answer["text"])

    def close(self) -> None:
        """Ends the worker."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _answer(question: dict[str, Any], body: bytes) -> dict[str, Any]:
    try:
        return {"text": text_of(body, question["content_type"])}
    except (MemoryError, RecursionError):
        return {"error": ParseTimedOut.__name__}
    except Exception:  # noqa: BLE001  whatever a page does to the library, the worker serves the next one
        return {"error": ParseError.__name__}


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 512, _answer)
