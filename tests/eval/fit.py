"""The weights of `llm.grounding`, learned: `python -m tests.eval.fit FILE …` prints them as they stand there.

Each FILE is a set of pairs that people judged, in the form that `python -m tests.eval grounding --pairs` reads; nothing
of them is part of this repository, docs/benchmarks.md names those that were used. Where a set judges whole summaries,
its rows have a `group`: such a summary scores as its worst sentence does. To these sets come the half of our own pairs
that is for tuning, as one more set.

A logistic regression with a ridge and a bias of its own for each set, so that what is learned is what tells the true
from the false within a set and not one set from another. No measure may speak for a sentence. On standard error: for
each set the area that weights get there which were learned from all others.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llm.grounding import findings
from tests.eval.grounding import auc, own_pairs
from tests.eval.grounding import by as grouped

OWN = "own"
SHARES = {OWN: 0.7, "falke_summaries": 0.6, "aggrefact_cnndm": 0.6}
"""How much a set counts, if not 1: less where the labels are least sure. Half of it are its true pairs, half its false
ones, however many there are."""
LEFT_OUT = frozenset({"copied", "name", "detail"})
"""What the verdict uses and the score does not: with a weight for unknown names the sets of free wordings do worse, as
`unknown` counts them already."""
RIDGE = 0.003


@dataclass(frozen=True, slots=True)
class Judged:
    """A set of pairs: the measures by pair, whether it is true, to which summary it belongs, and how it was made."""

    name: str
    values: np.ndarray
    labels: np.ndarray
    groups: tuple[str, ...]
    styles: tuple[str, ...]

    def area(self, scores: np.ndarray) -> float:
        """The area under the ROC curve; a whole summary scores as its worst sentence."""
        worst: dict[str, float] = {}
        for group, score in zip(self.groups, scores, strict=True):
            worst[group] = min(float(score), worst.get(group, np.inf))
        labels = dict(zip(self.groups, self.labels, strict=True))
        return auc(list(worst.values()), [bool(labels[group]) for group in worst])


def judged(file: Path) -> tuple[list[str], Judged]:
    """The names of the measures, and the set in this file."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    names, values = measured([(row["sentence"], row["article"]) for row in rows])
    groups = tuple(str(row.get("group") or f"pair {n}") for n, row in enumerate(rows))
    labels = np.array([bool(row["supported"]) for row in rows], float)
    return names, Judged(file.stem, values, labels, groups, ("",) * len(rows))


def own(folder: Path | None, half: str) -> Judged:
    """Our own pairs of this half, as a set."""
    pairs = [pair for pair in own_pairs(folder) if pair.half == half]
    _, values = measured([(pair.sentence, pair.article) for pair in pairs])
    labels = np.array([pair.supported for pair in pairs], float)
    groups = tuple(f"pair {n}" for n in range(len(pairs)))
    return Judged(OWN, values, labels, groups, tuple(pair.style for pair in pairs))


def measured(pairs: Sequence[tuple[str, object]]) -> tuple[list[str], np.ndarray]:
    """The names of the measures, and their values by pair."""
    found = [findings(sentence, [article]) for sentence, article in pairs]  # type: ignore[list-item]
    names = [name for name in next(filter(None, found)).measures if name not in LEFT_OUT]
    return names, np.array(
        [[each.measures[name] if each else float(name == "unknown") for name in names] for each in found]
    )


def fit(sets: Sequence[Judged]) -> tuple[np.ndarray, np.ndarray]:
    """Weights, and a bias by set, by projected gradient with momentum."""
    labels = np.concatenate([each.labels for each in sets])
    share = np.concatenate([_shares(each) for each in sets])
    share /= share.sum()
    of = np.repeat(np.arange(len(sets)), [len(each.labels) for each in sets])
    values = np.concatenate([each.values for each in sets])
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    x = (values - mean) / scale
    weights, biases = np.zeros(x.shape[1]), np.zeros(len(sets))
    ahead, ahead_biases = weights, biases
    for step in range(3000):
        error = (1 / (1 + np.exp(-(x @ ahead + ahead_biases[of]))) - labels) * share
        new = np.minimum(0, ahead - 0.8 * (x.T @ error + RIDGE * ahead))
        new_biases = ahead_biases - 0.8 * np.bincount(of, error, len(sets))
        momentum = step / (step + 3)
        ahead, ahead_biases = new + momentum * (new - weights), new_biases + momentum * (new_biases - biases)
        weights, biases = new, new_biases
    return weights / scale, biases - (mean * weights / scale).sum()


def _shares(each: Judged) -> np.ndarray:
    true = each.labels > 0.5
    return SHARES.get(each.name, 1.0) * np.where(true, 0.5 / true.sum(), 0.5 / (~true).sum())


def without(sets: Iterable[Judged], column: int) -> list[Judged]:
    """The sets with one measure taken away."""
    out = []
    for each in sets:
        values = each.values.copy()
        values[:, column] = 0.0
        out.append(Judged(each.name, values, each.labels, each.groups, each.styles))
    return out


def unseen(sets: Sequence[Judged]) -> dict[str, float]:
    """For each public set the area with the weights that all others teach."""
    public = [each for each in sets if each.name != OWN]
    taught = {each.name: fit([other for other in sets if other is not each])[0] for each in public}
    return {each.name: round(each.area(each.values @ taught[each.name]), 3) for each in public}


def main(arguments: list[str]) -> int:
    """Learn and print. With `--ablate`, print instead the areas without each measure, learned anew."""
    archive = os.environ.get("BROADSHEET_ARCHIVE")
    folder = Path(archive) if archive else None
    read = [judged(Path(name)) for name in arguments if not name.startswith("--")]
    names, sets = read[0][0], [*(each for _, each in read), own(folder, "tune")]
    if "--ablate" in arguments:
        print(f"{'all measures':>15}", unseen(sets))
        for column, name in enumerate(names):
            print(f"{name:>15}", unseen(without(sets, column)), flush=True)
        return 0
    weights, biases = fit(sets)
    print("_WEIGHTS = {")
    for name, weight in zip(names, weights, strict=True):
        if abs(weight) >= 0.02:
            print(f'    "{name}": {weight:.2f},')
    print("}")
    report = own(folder, "report")
    scores = report.values @ weights
    styles = grouped(range(len(scores)), lambda n: report.styles[n])
    told = {style: auc([scores[n] for n in at], [report.labels[n] > 0.5 for n in at]) for style, at in styles.items()}
    print({each.name: round(float(bias), 2) for each, bias in zip(sets, biases, strict=True)}, file=sys.stderr)
    print({style: round(area, 3) for style, area in told.items()}, unseen(sets), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
