"""Labels made by hand over the archive of headlines: which articles are about one event, which answer a question.

They name an article by `article_key`, made from its link alone. The archive's own `id` will not do: it is made from
the title, so it changes when an article is edited, and two outlets that print one agency's headline share it.
tests/data/README.md says how the labels were made.
"""

from __future__ import annotations

import hashlib
import html
import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def article_key(link: str) -> str:
    """Twelve hexadecimal digits for the article at `link`: the same for each wording of it, and for no other article.

    Left out are the scheme, the query (in this archive never more than tracking) and the fragment.
    """
    address = html.unescape(link).partition("#")[0].partition("?")[0].partition("://")[2]
    return hashlib.sha256(address.encode()).hexdigest()[:12]


def events() -> list[dict[str, Any]]:
    """Every labelled event; the fields are in tests/data/README.md."""
    return json.loads((DATA / "events.json").read_text(encoding="utf-8"))


def questions() -> list[dict[str, Any]]:
    """Every labelled question; the fields are in tests/data/README.md."""
    return json.loads((DATA / "questions.json").read_text(encoding="utf-8"))


def refusals() -> list[dict[str, Any]]:
    """The labelled questions of the hard kinds, in the same fields; of the articles that answer one, one is named."""
    return json.loads((DATA / "refusals.json").read_text(encoding="utf-8"))
