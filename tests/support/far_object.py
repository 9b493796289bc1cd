"""One object behind a server that misbehaves when told to, and the engine that fetches it, with ranges made small."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import blake3
import misbehaving

from runloop_jupyter.secret import Secret
from runloop_jupyter.transfer import arriving, download, exchange, pace, presigned, ranges
from runloop_jupyter.transfer.transfer import Transfer
from runloop_jupyter.wire.objects import ObjectView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

RANGE = 64 << 10
DATA = random.Random(11).randbytes(40 * RANGE + 4321)
SIGNATURE = "0123456789abcdef"


class FarObject:
    """An object in a store, as the engine sees it: links to it, and a view."""

    def __init__(self, server: misbehaving.Server) -> None:
        self.server = server
        self.links = 0
        self.store(DATA)

    def store(self, data: bytes, etag: str = '"one"') -> None:
        self.data = data
        self.server.backend = misbehaving.Content(data, etag)
        self.view = ObjectView(
            id="obj_far",
            name="far.bin",
            state="READ_ONLY",
            content_type="binary",
            create_time_ms=1_700_000_000_000,
            size_bytes=len(data),
        )

    @property
    def digest(self) -> str:
        return f"blake3:{blake3.blake3(self.data).hexdigest()}"

    def download_url(self, object_id: str) -> Secret:
        self.links += 1
        return Secret(f"{self.server.url}/{object_id}?number={self.links}&signature={SIGNATURE}")

    def fetch(self, target: Path, *, digested: bool = True, transfer: Transfer | None = None) -> Transfer:
        transfer = transfer or Transfer("far.bin", "down", "there")
        with arriving.arriving(target, "store-1", self.view, mode=0o666, durable=False) as file:
            download.download(
                self, file=file, view=self.view, transfer=transfer, expected=self.digest * digested or None
            )  # type: ignore[arg-type]
        return transfer

    def asked(self) -> list[str | None]:
        """Return the ranges that were asked for so far."""
        return [each.headers.get("range") for each in self.server.asked("GET")]

    def came(self) -> int:
        """Return how many bytes were asked for so far; what one connection takes over from another counts twice."""
        total = 0
        for said in self.asked():
            first, _, last = (said or f"bytes=0-{len(self.data) - 1}").removeprefix("bytes=").partition("-")
            total += int(last) - int(first) + 1
        return total


@contextmanager
def far_object(patch: pytest.MonkeyPatch) -> Iterator[FarObject]:
    """Run a server with one object of two and a half MiB. Nobody waits between tries."""
    patch.setattr(ranges, "LEAST", RANGE)
    patch.setattr(pace, "AT_FIRST", 2)  # what so little takes is too short to find out that more help
    patch.setattr(download, "PARALLEL_FROM", 2 * RANGE)
    patch.setattr(arriving, "RESUMABLE", RANGE)
    patch.setattr(presigned, "GOT_ON", RANGE // 2)
    patch.setattr(random, "uniform", lambda low, high: low)
    patch.setattr(presigned, "_client", None)
    with misbehaving.serving(misbehaving.Content(b"")) as server:
        yield FarObject(server)
        exchange.connections.close()
        if presigned._client is not None:
            presigned._client.close()
