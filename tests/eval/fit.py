"""The weights of `llm.grounding`, learned from the half of the pairs that is for tuning: `python -m tests.eval.fit`.

A logistic regression with a ridge, each weight held to the side on which it makes sense: what is found speaks for a
sentence, what fails against it. Prints the weights as they stand in the code.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from llm.grounding import findings
from tests.eval.grounding import Pair, own_pairs

AGAINST = {
    "jumps", "number", "date", "name", "place", "unit", "negation", "direction", "attribution", "certainty", "role",
    "detail", "replaced", "swapped", "length", "scattered", "broken", "patched", "free evidence", "free anywhere", "free joined", "free one", "untold", "apart",
}  # fmt: skip


def measured(pairs: list[Pair]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The names of the measures, their values by pair, and the labels."""
    rows = []
    for pair in pairs:
        found = findings(pair.sentence, [pair.article])
        rows.append(found.measures if found else {})
    names = list(max(rows, key=len))
    values = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    return names, values, np.array([pair.supported for pair in pairs], float)


def fit(names: list[str], values: np.ndarray, labels: np.ndarray, ridge: float = 1.0) -> tuple[np.ndarray, float]:
    """Weights and bias, by projected gradient."""
    signs = np.array([-1.0 if name in AGAINST else 1.0 for name in names])
    scale = values.std(axis=0) + 1e-6
    x = (values - values.mean(axis=0)) / scale
    weights, bias = np.zeros(len(names)), 0.0
    balance = np.where(labels == 1, 0.5 / max(1, labels.sum()), 0.5 / max(1, (1 - labels).sum()))
    for _ in range(6000):
        error = (1 / (1 + np.exp(-(x @ weights + bias))) - labels) * balance
        weights = weights - 0.5 * (x.T @ error + ridge * 0.01 * weights)
        weights = np.where(weights * signs < 0, 0, weights)
        bias -= 0.5 * error.sum()
    plain = weights / scale
    return plain, float(bias - (values.mean(axis=0) * plain).sum())


def main() -> int:
    folder = os.environ.get("BROADSHEET_ARCHIVE")
    pairs = [pair for pair in own_pairs(Path(folder) if folder else None) if pair.half == "tune"]
    names, values, labels = measured(pairs)
    weights, bias = fit(names, values, labels)
    print(f"_BIAS = {bias:.2f}")
    print("_WEIGHTS = {")
    for name, weight in zip(names, weights, strict=True):
        if abs(weight) >= 0.005:
            print(f'    "{name}": {weight:.2f},')
    print("}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
