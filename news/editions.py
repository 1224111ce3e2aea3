"""The sample edition, put into the store the way real feeds come: bytes, through the parser, body after body."""

from __future__ import annotations

from datetime import datetime

from news.refresh import Parses
from news.sample import edition
from news.store import Changes, Schedule, Store, Validators
from news.story_store import Stories


def load_sample(store: Store, parser: Parses, *, now: datetime) -> Changes:
    """Store the sample edition as of `now`, in place of an older one; what it brought.

    Its articles were published in the days before `now`. A feed with several bodies was collected as often, so that
    what one of them edits is a later version of the article. Sample feeds are never fetched.
    """
    store.remove_sample()
    new = edited = 0
    for sample in edition(now):
        added_at = min(collected_at for collected_at, _ in sample.bodies)
        feed, _ = store.add_feed(sample.url, title=sample.title, topic=sample.topic, sample=True, now=added_at)
        for collected_at, body in sorted(sample.bodies):
            changes = store.save_success(
                feed.id,
                now=collected_at,
                schedule=Schedule(due_at=now),
                validators=Validators(),
                parsed=parser.parse(body, sample.url, {}, now=collected_at),
            )
            new += changes.new
            edited += changes.edited
    Stories(store).group()
    return Changes(new, edited)
