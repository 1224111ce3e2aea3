"""Figures of one process for Prometheus. This is the only file that knows its client, and only `asgi.py` needs it.

What happened is counted from the events of the log: `Counting` stands beside the handler that writes them, so that
there is one account of what happened. What is so now is asked when somebody looks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from logs import OURS, event, fields

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)


class Counting(logging.Handler):
    """Counts the events of the log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(logging.INFO)
        self._answers = Counter("broadsheet_answers", "Answers that ended", ["state"], registry=registry)
        self._seconds = Histogram(
            "broadsheet_answer_seconds", "From the question to the answer's end", buckets=_SECONDS, registry=registry
        )
        self._first = Histogram(
            "broadsheet_first_word_seconds", "From the question to the first word", buckets=_SECONDS, registry=registry
        )
        self._tokens = Counter("broadsheet_tokens", "Tokens that answers took", ["kind"], registry=registry)
        self._searches = Histogram("broadsheet_search_seconds", "Searches for a question", registry=registry)
        self._failures = Counter(
            "broadsheet_request_failures", "Requests that a model's server did not answer", ["error"], registry=registry
        )
        self._retries = Counter("broadsheet_retries", "Requests sent again", registry=registry)
        self._refusals = Counter(
            "broadsheet_budget_refusals", "Questions over a budget", ["scope", "span"], registry=registry
        )
        self._refreshes = Counter("broadsheet_refreshes", "Feeds asked, here", ["outcome"], registry=registry)
        self._articles = Counter("broadsheet_articles", "New articles stored, here", registry=registry)

    def emit(self, record: logging.LogRecord) -> None:
        """Count it, if it is an event that counts."""
        try:
            self._count(event(record), fields(record))
        except Exception:  # noqa: BLE001 - what cannot be counted must not break what it tells of
            self.handleError(record)

    def _count(self, name: str, told: dict[str, object]) -> None:
        def figure(key: str) -> float:
            value = told.get(key)
            return value if isinstance(value, int | float) else 0.0

        if name == "answered":
            self._answers.labels(told["state"]).inc()
            for histogram, key in ((self._seconds, "seconds"), (self._first, "first_s")):
                if figure(key):
                    histogram.observe(figure(key))
            for kind in ("prompt", "cached", "completion"):
                self._tokens.labels(kind).inc(figure(kind))
        elif name == "searched":
            self._searches.observe(figure("seconds"))
        elif name == "request_failed":
            self._failures.labels(told["error"]).inc()
        elif name == "retry":
            self._retries.inc()
        elif name == "refused":
            self._refusals.labels(told["scope"], told["span"]).inc()
        elif name == "feed":
            self._refreshes.labels(told["outcome"]).inc()
            self._articles.inc(figure("new"))


class _Gauges(Collector):
    def __init__(self, gauges: Callable[[], dict[str, tuple[str, float]]]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, (words, value) in self._gauges().items():
            yield GaugeMetricFamily(f"broadsheet_{name}", words, value)

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # to be asked is to be read, and nobody has looked yet


class Metrics:
    """The figures of this process, from now on. `gauges` tells what is so now: by name, its meaning and its value."""

    def __init__(self, gauges: Callable[[], dict[str, tuple[str, float]]]) -> None:
        self._registry = CollectorRegistry()
        self._counting = Counting(self._registry)
        ProcessCollector(registry=self._registry)
        self._registry.register(_Gauges(gauges))

    def begin(self) -> None:
        """Count what is logged in this process."""
        for name in OURS:
            logging.getLogger(name).addHandler(self._counting)

    def close(self) -> None:
        """Count no more."""
        for name in OURS:
            logging.getLogger(name).removeHandler(self._counting)

    def page(self) -> bytes:
        """All figures in Prometheus's format."""
        return generate_latest(self._registry)
