from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from runloop_jupyter.values import registry
from runloop_jupyter.values.codec import Wish, no_checkpoint

if TYPE_CHECKING:
    from runloop_jupyter.values.codec import Codec


@dataclass
class Stored:
    """A value after its encoding, to be read back."""

    file: io.BytesIO
    codec: Codec
    facts: dict[str, Any]

    def read(self, *, checkpoint=no_checkpoint, **wish: Any) -> Any:
        return registry.decode(self.codec.format, self.file, self.facts, Wish(**wish), checkpoint)


@pytest.fixture(scope="session")
def store():
    def store_value(
        value: object, *, checkpoint=no_checkpoint, file: io.BytesIO | None = None, **options: Any
    ) -> Stored:
        codec = registry.codec_for(value, **options)
        file = file or io.BytesIO()
        return Stored(file, codec, codec.encode(value, file, checkpoint))

    return store_value
