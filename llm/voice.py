"""What speech needs besides a server: a text cut at its sentences, and recordings put together. Pure."""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Sequence

from news.terms import sentences


def pieces(text: str, most: int) -> list[str]:
    """`text` in pieces of at most `most` characters, cut between sentences, else between words, else anywhere.

    Numbers of citations go, and brackets with them: speech models take a word in brackets for a direction.
    """
    text = re.sub(r"\s*\[\d+\](\([^)\s]*\))?", "", text).replace("[", "").replace("]", "")
    cut: list[str] = []
    for sentence in (" ".join(part.split()) for part in sentences(text)):
        for part in _words(sentence, most):
            if cut and len(cut[-1]) + 1 + len(part) <= most:
                cut[-1] += f" {part}"
            elif part:
                cut.append(part)
    return cut


def join(recordings: Sequence[bytes]) -> bytes:
    """WAV files of one form, one after the other, as one. Raises `ValueError` for what is none, or of another form."""
    sound: list[bytes] = []
    form: tuple[int, int, int] | None = None
    for recording in recordings:
        try:
            with wave.open(io.BytesIO(recording)) as wav:
                this = (wav.getnchannels(), wav.getsampwidth(), wav.getframerate())
                # A server that streams does not know the length when it writes it: what is there is what counts.
                frames = wav.readframes(wav.getnframes())
        except (wave.Error, EOFError) as error:
            raise ValueError("this is no WAV file") from error
        if form not in (None, this):
            raise ValueError("these recordings are of different forms")
        form = this
        sound.append(frames[: len(frames) // (this[0] * this[1]) * this[0] * this[1]])
    if form is None:
        raise ValueError("there is no recording")
    whole = io.BytesIO()
    with wave.open(whole, "wb") as wav:
        wav.setnchannels(form[0])
        wav.setsampwidth(form[1])
        wav.setframerate(form[2])
        wav.writeframes(b"".join(sound))
    return whole.getvalue()


def _words(sentence: str, most: int) -> list[str]:
    parts = []
    while len(sentence) > most:
        end = sentence.rfind(" ", 0, most + 1)
        end = end if end > 0 else most
        parts.append(sentence[:end])
        sentence = sentence[end:].lstrip()
    return [*parts, sentence]
