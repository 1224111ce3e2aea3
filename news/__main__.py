"""The news from the command line: python -m news add | import | export | refresh | search | stats | prune | worker.

Exit status: 0 it worked; 1 it did not, with one sentence on stderr; 2 a bad argument, with one sentence on stderr.
`--json` prints one JSON object and nothing else on stdout.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import logs
from news import opml
from news.article import ArticlePool
from news.errors import BadURL, NewsError
from news.fetch import Fetcher, check_url, says_yes, user_agent
from news.fulltext import fetch_articles
from news.parse import ParserPool
from news.refresh import FETCHERS, Outcome, refresh
from news.search import search
from news.store import Store
from news.story_store import Stories
from news.text import line
from storage.engine import DEFAULT_URL, StorageError, connect


class Parser(argparse.ArgumentParser):
    """argparse that says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and leave with status 2."""
        self.exit(2, f"{self.prog}: {message}.\n")


def moment(text: str) -> datetime:
    """An ISO 8601 moment; UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a moment like 2026-06-10T12:00:00Z") from None
    if not 1970 <= at.year < 3000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a moment of these centuries")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def positive(text: str) -> int:
    """A whole number from 1 to 1,000."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to 1000")
    return int(text)


def allow_private() -> bool:
    """Whether feeds on loopback and private networks may be fetched."""
    return says_yes(os.environ.get("ALLOW_PRIVATE_FEEDS", ""))


def _fetcher() -> Fetcher:
    return Fetcher(allow_private=allow_private(), user_agent=user_agent(os.environ.get("CONTACT", "")))


def existing(text: str) -> Path:
    """A file that is there."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file '{text}'")
    return path


def arguments() -> Parser:
    """The command line, verb by verb."""
    parser = Parser(prog="python -m news", description="Feeds in, passages out.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=Parser)
    common = Parser(add_help=False)
    common.add_argument("--now", type=moment, metavar="ISO", help="the clock for this one run")

    def verb(name: str, told: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, help=told, parents=[common])

    add = verb("add", "store feeds by URL; the first refresh fetches them")
    add.add_argument("urls", nargs="+", metavar="URL")
    add.add_argument("--topic", default="", help="the folder they go into")
    verb("import", "store the feeds of an OPML file").add_argument("file", type=existing, metavar="FILE")
    verb("export", "print all feeds as OPML")
    fetch = verb("refresh", "poll the feeds that are due")
    fetch.add_argument("--all", action="store_true", help="every feed, still asking conditionally")
    fetch.add_argument("--json", action="store_true")
    find = verb("search", "passages for a question")
    find.add_argument("question", metavar="WORDS")
    find.add_argument("--k", type=positive, default=10, help="how many passages at most")
    find.add_argument("--since", type=moment, metavar="ISO")
    find.add_argument("--until", type=moment, metavar="ISO")
    find.add_argument("--as-of", type=moment, metavar="ISO", help="what was known at that moment")
    find.add_argument("--json", action="store_true")
    verb("stats", "what is stored").add_argument("--json", action="store_true")
    verb("prune", "delete what is too old")
    work = verb("worker", "refresh what is due until it is stopped; any number may run, on Postgres")
    work.add_argument("--threads", type=positive, default=FETCHERS, help="how many hosts to ask at once")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    given = arguments().parse_args(argv)
    now = given.now or datetime.now(UTC)
    try:
        store = Store(connect(os.environ.get("DATABASE_URL") or DEFAULT_URL))
        status = VERBS[given.verb](store, given, now)
        sys.stdout.flush()
        return status
    except BadURL as error:
        print(error, file=sys.stderr)
        return 2
    except (NewsError, StorageError) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the output (head, less) has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"{error.filename or 'news'}: {error.strerror or error}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; what was stored until now is kept.", file=sys.stderr)
        return 1


def run_add(store: Store, given: argparse.Namespace, now: datetime) -> int:
    """add: check every address first, so that nothing is half done."""
    urls = [check_url(url, allow_private=allow_private()) for url in given.urls]
    added = store.add_feeds([(url, "", line(given.topic), "") for url in urls], now=now)
    print(f"{_count(len(added), 'feed')} added, {len(urls) - len(added)} there already.")
    return 0


def run_import(store: Store, given: argparse.Namespace, now: datetime) -> int:
    """import: what cannot be a feed is named and skipped."""
    listed = opml.read(given.file.read_bytes())
    added = store.add_feeds([(feed.url, feed.title, feed.topic, "") for feed in listed.feeds], now=now)
    for skipped in listed.skipped:
        print(skipped, file=sys.stderr)
    print(f"{_count(len(added), 'feed')} added, {len(listed.feeds) - len(added)} there already.")
    return 0


def run_export(store: Store, given: argparse.Namespace, now: datetime) -> int:
    """export: OPML on stdout."""
    sys.stdout.buffer.write(opml.write((feed for feed in store.feeds() if not feed.sample), now=now))
    return 0


def run_refresh(store: Store, given: argparse.Namespace, now: datetime) -> int:
    """refresh: a bar on stderr, a report on stdout. Status 1 if every feed failed."""
    started = time.monotonic()
    feeds = store.due(now, everything=given.all)
    outcomes: list[Outcome] = []
    fetcher = _fetcher()
    with ParserPool(os.cpu_count() or 1) as parser:
        for outcome in refresh(store, feeds, fetcher=fetcher, parser=parser, now=now):
            outcomes.append(outcome)
            _bar(len(outcomes), len(feeds))
    Stories(store).group()
    with ArticlePool() as reader:
        articles = fetch_articles(store, fetcher=fetcher, reader=reader, now=now)
    fetcher.close()
    failed = [o for o in outcomes if o.kind == "failed"]
    report: dict[str, Any] = {
        "feeds": len(feeds),
        "updated": sum(o.kind == "updated" for o in outcomes),
        "unchanged": sum(o.kind == "unchanged" for o in outcomes),
        "failed": len(failed),
        "skipped": sum(o.kind == "skipped" for o in outcomes),
        "new": sum(o.new for o in outcomes),
        "edited": sum(o.edited for o in outcomes),
        "seconds": round(time.monotonic() - started, 3),
        "failures": [{"url": o.feed.url, "title": o.feed.title, "reason": o.error} for o in failed],
    }
    if given.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        for failure in report["failures"]:
            print(f"{failure['title'] or failure['url']}: {failure['reason']}", file=sys.stderr)
        print(
            f"{_count(report['feeds'], 'feed')}: {report['updated']} updated, {report['unchanged']} unchanged, "
            f"{report['failed']} failed. {_count(report['new'], 'new article')}, {report['edited']} edited, "
            f"{report['seconds']:.1f} s."
        )
        if articles:
            print(f"{_count(articles, 'article')} fetched whole.")
    return 1 if feeds and len(failed) == len(feeds) else 0


def run_search(store: Store, given: argparse.Namespace, now: datetime) -> int:
    """search: passages, best first."""
    found = search(store, given.question, now=now, k=given.k, since=given.since, until=given.until, as_of=given.as_of)
    if given.json:
        results = [
            {
                "rank": rank,
                "score": p.score,
                "title": p.title,
                "url": p.url,
                "feed": p.feed,
                "published_at": p.published_at.isoformat(),
                "passage": p.text,
            }
            for rank, p in enumerate(found.passages, 1)
        ]
        horizon = asdict(found.horizon)
        print(json.dumps({"results": results, "horizon": horizon}, ensure_ascii=False, default=datetime.isoformat))
        return 0
    for rank, p in enumerate(found.passages, 1):
        print(f"{rank}. {p.title}\n   {p.feed}, {p.published_at:%d %b %Y %H:%M} UTC, {p.url}\n   {p.text}\n")
    print(f"Searched {_count(found.horizon.articles, 'article')} of {_count(found.horizon.feeds, 'feed')}.")
    return 0


def run_stats(store: Store, given: argparse.Namespace, now: datetime) -> int:
    """stats: how much is stored."""
    stats = asdict(store.stats())
    if given.json:
        print(json.dumps(stats, default=datetime.isoformat))
        return 0
    for name, value in stats.items():
        print(f"{name:>8}  {value:,}" if isinstance(value, int) else f"{name:>8}  {value or '-'}")
    return 0


def run_prune(store: Store, given: argparse.Namespace, now: datetime) -> int:
    """prune: delete what is past its time."""
    print(f"{_count(store.prune(now), 'article')} deleted.")
    return 0


def run_worker(store: Store, given: argparse.Namespace, now: datetime) -> int:
    """worker: until SIGTERM or Ctrl-C, a line of the log for each thing done."""
    from news import worker  # only now: it takes as long to load as all the rest

    logs.begin()
    with _fetcher() as fetcher:
        worker.run(store, fetcher, clock=lambda: datetime.now(UTC), threads=given.threads)
    return 0


VERBS = {
    "add": run_add,
    "import": run_import,
    "export": run_export,
    "refresh": run_refresh,
    "search": run_search,
    "stats": run_stats,
    "prune": run_prune,
    "worker": run_worker,
}


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _bar(done: int, total: int, width: int = 30) -> None:
    if sys.stderr.isatty():
        filled = width * done // total
        end = "\n" if done == total else ""
        print(f"\r{'█' * filled}{'░' * (width - filled)} {done}/{total} feeds", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):  # a pipe on Windows is not UTF-8 by itself
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(main())
