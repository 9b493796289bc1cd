"""How names are compared: without regard to case or to how an accent was typed."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Return `text` casefolded and NFC-normalised.

    SQLite folds ASCII only, so this is done here, once when a name is stored and once for each query. A NUL, at which
    SQLite's tokenizer would stop reading, becomes U+FFFD.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).replace("\0", "\ufffd")


def trigrams(folded: str) -> list[str]:
    """Return the different runs of three characters in `folded`, in order of appearance."""
    return list(dict.fromkeys(folded[start : start + 3] for start in range(len(folded) - 2)))
