from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import pytest

from runloop_jupyter.values import registry


@dataclass
class Stored:
    """A value after its encoding, to be read back."""

    file: io.BytesIO
    encoded: registry.Encoded

    def read(self, **options: Any) -> Any:
        return registry.decode(self.encoded.format, self.file, self.encoded.facts, **options)


@pytest.fixture(scope="session")
def store():
    def store_value(value: object, **options: Any) -> Stored:
        file = io.BytesIO()
        return Stored(file, registry.encode(value, file, **options))

    return store_value
