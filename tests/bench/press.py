"""Invented news in any amount, the same every time: feeds to fetch and articles to search."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from xml.sax.saxutils import escape

from news.types import ParsedEntry

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
_SYLLABLES = [
    a + b for a in "b d f g h k l m n p r s t v z st tr br gr".split() for b in "a e i o u ai ea an er is".split()
]


class Press:
    """Sentences over a vocabulary whose words are as unequal in use as those of a language (Zipf)."""

    def __init__(self, seed: int = 1, words: int = 20_000) -> None:
        self.random = random.Random(seed)
        shapes = itertools.product(_SYLLABLES, repeat=3)
        every = ["".join(shape) for shape in itertools.islice(shapes, 0, words * 40, 40)]
        self.random.shuffle(every)
        self.words = every
        self.weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(every))))

    def sentence(self, length: int) -> str:
        """So many words, the first with a capital."""
        words = self.random.choices(self.words, cum_weights=self.weights, k=length)
        return " ".join(words).capitalize()

    def entry(self, number: int, *, hours: float) -> ParsedEntry:
        """An article of about fifty words, published at a random moment of the `hours` before `NOW`."""
        body = ". ".join(self.sentence(self.random.randint(8, 18)) for _ in range(4)) + "."
        url = f"https://press.example/{number}"
        return ParsedEntry(
            key=url,
            url=url,
            title=self.sentence(self.random.randint(6, 11)),
            text=body,
            published_at=NOW - timedelta(hours=self.random.uniform(0, hours)),
        )

    def rss(self, feed: int, items: int) -> bytes:
        """A feed as outlets send them: markup in the descriptions, a picture, categories."""
        rows = []
        for number in range(items):
            entry = self.entry(feed * 100_000 + number, hours=72)
            html = (
                f'<p><a href="{entry.url}"><img src="{entry.url}.jpg" alt=""/></a>{entry.text} &amp; it&#8217;s on.</p>'
                f"<p>{self.sentence(20)}.</p>"
            )
            rows.append(
                f"<item><title>{escape(entry.title)}</title><link>{entry.url}</link><guid>{entry.url}</guid>"
                f"<description>{escape(html)}</description><category>{self.words[number]}</category>"
                f"<dc:creator>{self.sentence(2)}</dc:creator>"
                f"<pubDate>{format_datetime(entry.published_at or NOW)}</pubDate></item>"
            )
        return (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
            f"<title>Press {feed}</title><link>https://press.example/</link><description>Invented</description>"
            f"{''.join(rows)}</channel></rss>"
        ).encode()
