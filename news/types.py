"""The value types of the news side, one a station. All times are timezone-aware and UTC.

feed: a source at a URL with its fetch state. entry: one item as published. version: an entry's wording
at one time. passage: an excerpt of an entry, given to a model. horizon: what a search looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

MuteKind = Literal["word", "feed"]
Clock = Callable[[], datetime]
"""Returns now, aware, UTC. Passed in everywhere, so that replays and tests choose the time."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A stored feed. `error` is the last failure in words, "" after a success; `failures` counts them in a row.

    `due_at` is when it may next be polled. `topic` is the reader's folder, "" for none.
    A `sample` feed is never fetched. `rested` feeds failed too often and wait for a hand. `keep_days` is how long its
    entries stay: None as long as those of any feed, 0 for ever. `full_text`: articles that it only begins are fetched.
    """

    id: int
    url: str
    title: str
    site_url: str
    language: str
    topic: str
    sample: bool
    paused: bool
    rested: bool
    added_at: datetime
    checked_at: datetime | None
    succeeded_at: datetime | None
    due_at: datetime
    failures: int
    error: str
    etag: str
    last_modified: str
    body_hash: str
    moved_to: str
    moved_count: int
    keep_days: int | None = None
    full_text: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answered fetch. `body` is None when the server said 304 (not modified).

    `url` is where the body came from after redirects; `moved_to` is that URL if every hop was permanent (301, 308),
    else "". `headers` have lower-case names.
    """

    url: str
    status: int
    headers: dict[str, str]
    body: bytes | None
    moved_to: str = ""


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """One item of a feed as plain text. `key` is its identity within the feed: guid, else link, else a hash.

    `title` is one line; `text` has paragraphs separated by blank lines. `url` is http(s) or "". `published_at` is None
    when the feed gave no believable date. `picture` is an http(s) URL or "". `terms` are those of title and of text,
    joined by spaces, where they were made together with the entry; they follow from the rest.
    """

    key: str
    url: str
    title: str
    text: str
    author: str = ""
    published_at: datetime | None = None
    categories: tuple[str, ...] = ()
    picture: str = ""
    enclosures: tuple[tuple[str, str], ...] = ()
    terms: tuple[str, str] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed's body as read. `kind` is "rss20", "atom10", "json11"…; `dropped` counts items that could not be kept."""

    title: str
    site_url: str
    language: str
    kind: str
    entries: tuple[ParsedEntry, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored entry with the wording it had at the moment asked about (now, or `as_of`).

    `edits` counts later wordings up to that moment. `version_id` is the row of this wording.
    `also` names the other feeds that carry the same article. `text_from` is "feed", or "article" if the text was read
    from the page at `url`. `story` is the number of its story, 0 while it is not grouped.
    """

    id: int
    version_id: int
    feed_id: int
    feed: str
    topic: str
    language: str
    url: str
    title: str
    text: str
    author: str
    picture: str
    published_at: datetime
    first_seen_at: datetime
    edits: int
    sample: bool
    text_from: str = "feed"
    story: int = 0
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mute:
    """What the reader never wants to see: a `value` that is a word or phrase, or the URL of a feed."""

    kind: MuteKind
    value: str


@dataclass(frozen=True, slots=True)
class Version:
    """A wording of an entry, valid from `valid_from` until `valid_until` (None: still)."""

    id: int
    title: str
    text: str
    valid_from: datetime
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Passage:
    """An excerpt that a model may quote and an answer may cite. Its number in an answer is its place there, from 1.

    `also` names the other outlets that tell the same in the same words.
    """

    entry_id: int
    title: str
    text: str
    url: str
    feed: str
    published_at: datetime
    language: str = ""
    score: float = 0.0
    pinned: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Horizon:
    """What was searched: how many feeds and articles, from when to when, and the titles of feeds that failed.

    `stale` are the titles of feeds that may lack what is new: not fetched with success for a day, or silent for much
    longer than they usually are.
    """

    feeds: int
    articles: int
    since: datetime | None
    until: datetime | None
    failed: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


ACCORDING_TO = " according to "


@dataclass(frozen=True, slots=True)
class Account:
    """What one outlet says of something, in short, and the sentence in which it says so.

    `says` is a figure ("13", "about 20"), with `ACCORDING_TO` and whom the sentence names for it, if it does.
    """

    feed: str
    says: str
    quote: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Something of one event that outlets tell differently, oldest first.

    `moved`: the figure rose and outlets agree on where it stands, so that later accounts replace earlier ones.
    """

    about: str
    accounts: tuple[Account, ...]
    moved: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search, best passage first. `covered` is False if hardly any passage is about the question.

    `confidence` that it is covered goes from 0 to 1. Where that is not sure, `missing` are the words of the question
    that no passage holds. `since` is the moment from which a source must be that the question asks for by "today" or
    "latest", None if it does not. `disagreements` are those of the reports of what the first passage is about, and
    `reports` those of them that were found, shown or not: to compare with, not to be sent.
    """

    passages: tuple[Passage, ...]
    horizon: Horizon
    covered: bool = True
    confidence: float = 1.0
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    disagreements: tuple[Disagreement, ...] = ()
    reports: tuple[Passage, ...] = ()
