"""How well the checks do may not fall: floors under the figures of `python -m tests.eval grounding`."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from llm.grounding import check
from news.terms import sentences
from tests.eval import grounding
from tests.eval.errors import KINDS, changed, names

ARCHIVE = os.environ.get("BROADSHEET_ARCHIVE")


@pytest.mark.parametrize(
    ("style", "count", "area", "balanced"),
    [
        ("copies", 100, 0.955, 0.82),
        ("rewrites", 100, 0.53, 0.6),
        ("extracts", 90, 0.95, 0.87),
        ("leads", 78, 0.49, 0.55),
    ],
)
def test_pairs_that_nothing_was_learned_from_are_told_apart(
    style: str, count: int, area: float, balanced: float
) -> None:
    pairs = [pair for pair in grounding.own_pairs(None) if (pair.half, pair.style) == ("report", style)]
    found = grounding.figures(pairs)
    assert len(pairs) == count
    assert found["auc"] >= area
    assert found["auc"] > found["bigram_auc"]
    assert found["balanced_accuracy"] >= balanced


def test_our_own_pairs_are_balanced_and_cut_by_article() -> None:
    pairs = grounding.own_pairs(None)
    assert len(pairs) == 703
    assert 0.45 < sum(pair.supported for pair in pairs) / len(pairs) < 0.55
    halves = {
        half: {str(pair.article) for pair in group}
        for half, group in grounding.by(pairs, lambda pair: pair.half).items()
    }
    assert not halves["tune"] & halves["report"]


def test_single_errors_in_our_own_articles_are_caught_and_true_sentences_left_alone() -> None:
    rng = random.Random(3)
    articles = sorted({str(pair.article) for pair in grounding.own_pairs(None)})
    pool = names(" ".join(articles))
    wrong, right = [], []
    for article in articles:
        for sentence in sentences(article):
            right.append(check(sentence, [article]).verdict != "supported")
            wrong += [
                check(made[0], [article]).verdict != "supported"
                for kind in KINDS
                if (made := changed(sentence, kind, rng, pool))
            ]
    assert len(wrong) > 300
    assert sum(wrong) / len(wrong) >= 0.985
    assert sum(right) / len(right) <= 0.02


def test_the_area_is_that_of_all_pairs_of_a_true_and_a_false_one() -> None:
    assert grounding.auc([0.9, 0.4, 0.6, 0.1], [True, True, False, False]) == 0.75
    assert grounding.auc([0.5, 0.5], [True, False]) == 0.5
    assert grounding.balanced([True, True, True, False], [True, True, False, False]) == 0.75


def test_anybodys_pairs_are_measured(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    rows = [
        {
            "article": "The mayor of Lyon resigned on Monday.",
            "sentence": "Lyon's mayor has resigned.",
            "supported": True,
        },
        {
            "article": "The mayor of Lyon resigned on Monday.",
            "sentence": "Lyon's mayor was re-elected.",
            "supported": False,
        },
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert grounding.main(["--pairs", str(file)])["auc"] == 1.0


@pytest.mark.archive
@pytest.mark.skipif(not ARCHIVE, reason="needs the archive of real headlines")
def test_seeded_errors_in_answers_from_the_archive_are_caught() -> None:
    found = grounding.seeded_figures(Path(str(ARCHIVE)))
    assert found["answers"] == 300
    assert found["caught"] >= 0.98
    assert found["flagged"] <= 0.01
    assert all(int(caught) / int(of) >= 0.95 for caught, of in (kind.split("/") for kind in found["by_kind"].values()))
