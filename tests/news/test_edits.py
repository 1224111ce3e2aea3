"""What changed between two wordings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from news.edits import MOST, Run, diff, edits
from news.types import Version
from tests.conftest import NOW


def wordings(*told: tuple[str, str]) -> list[Version]:
    """Wordings (title, text) of an entry, each an hour after the one before."""
    at = [NOW + timedelta(hours=n) for n in range(len(told) + 1)]
    return [Version(n, title, text, at[n], at[n + 1]) for n, (title, text) in enumerate(told)]


def test_a_word_that_was_replaced_is_removed_and_added_between_what_stayed():
    assert diff("Toll rises to 41 in Port Ellery", "Toll rises to 55 in Port Ellery") == (
        Run("same", "Toll rises to"),
        Run("removed", " 41"),
        Run("added", " 55"),
        Run("same", " in Port Ellery"),
    )


def test_a_wording_that_grew_has_only_additions():
    assert diff("Ferry aground.", "Ferry aground. All safe.") == (
        Run("same", "Ferry aground."),
        Run("added", " All safe."),
    )


def test_scripts_without_spaces_are_compared_by_the_sign():
    assert Run("added", "北") in diff("港で火災", "北港で火災")


def test_each_change_of_wording_is_an_edit_with_its_moment():
    first, second, third = wordings(("Fire", "Two hurt."), ("Fire", "Three hurt."), ("Fire in port", "Three hurt."))
    changes = edits([third, first, second])
    assert [(change.at, bool(change.title), bool(change.text)) for change in changes] == [
        (second.valid_from, False, True),
        (third.valid_from, True, False),
    ]


@pytest.mark.parametrize("told", [[], [("Fire", "Two hurt.")], [("Fire", "Two hurt."), ("Fire", "Two  hurt.\n")]])
def test_what_did_not_change_is_no_edit(told: list[tuple[str, str]]):
    assert edits(wordings(*told)) == ()


def test_only_the_beginning_of_long_wordings_is_compared():
    long = "word " * MOST
    assert diff(long + "one", long + "other") == (Run("same", ("word " * MOST).strip()),)


@given(st.text(max_size=200), st.text(max_size=200))
def test_what_was_not_removed_is_the_newer_wording(older: str, newer: str):
    runs = diff(older, newer)
    assert "".join(run.text for run in runs if run.kind != "removed") == " ".join(newer.split())
    assert all(run.text for run in runs)


@given(st.text(max_size=200))
def test_a_wording_does_not_differ_from_itself(text: str):
    assert all(run.kind == "same" for run in diff(text, text))
