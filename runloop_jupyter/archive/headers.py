"""Extended headers of a tar, held against what they may be before `tarfile` takes them apart.

Its patch versions differ in what they do with hostile ones: until 3.11.10 a mebibyte of digits kept it busy for half an
hour, holding the interpreter, and records that lie about their length still make it keep far more than they hold.
"""

from __future__ import annotations

import re
import tarfile
from typing import Any, Final

from runloop_jupyter.errors import ArchiveError

BLOCK: Final = 512
"""Bytes of a tar's header; what follows is padded to as many."""
_CHECKSUM: Final = slice(148, 156)
_CHUNK: Final = 1 << 20
LONGEST: Final = 1 << 20
"""Bytes of all extended headers of one entry; tarfile holds them in memory."""
_PAX_LONGEST: Final = 128 << 10
"""Bytes of one pax header: names are 4 KiB at most, extended attributes 64."""
_MOST_RECORDS: Final = 1000
_LONGEST_NUMBER: Final = 1000
_RECORD: Final = re.compile(rb"([1-9][0-9]{0,6}) ([^=]+)=")

EXTENDED: Final = frozenset(
    {
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    }
)


def is_header(block: bytes) -> bool:
    """Whether bytes are the header of an entry: they add up to the checksum in their midst."""
    try:
        said = int(block[_CHECKSUM].strip(b"\0 "), 8)
    except ValueError:
        return False
    added = sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")
    # Some old ones added their bytes as signed.
    return len(block) == BLOCK and said in {added, added - 256 * sum(byte > 127 for byte in block)}


class Peeking:
    """A stream of which the next bytes may be looked at before they are read; what `tarfile` asks of one.

    Args:
        stream: tarfile's own.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._held = b""

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end; they are still to be read."""
        if len(self._held) < size:
            self._held += self._stream.read(size - len(self._held))
        return self._held[:size]

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end."""
        held, self._held = self._held[:size], self._held[size:]
        return held + self._stream.read(size - len(held)) if len(held) < size else held

    def tell(self) -> int:
        """Return the position in bytes."""
        return int(self._stream.tell()) - len(self._held)

    def seek(self, position: int) -> int:
        """Go on to `position`; there is no way back.

        Raises:
            ArchiveError: The stream ends before that. tarfile's own goes on: eight exbibytes would take for ever.
        """
        left = position - self.tell()
        if left < 0:
            raise tarfile.StreamError("seeking backwards is not allowed")
        while left:
            passed = len(self.read(min(left, _CHUNK)))
            if not passed:
                raise ArchiveError("the archive is cut off within a file")
            left -= passed
        return position

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class Passing(Peeking):
    """A file of which what lies between the headers isn't read.

    Args:
        file: Seekable.
    """

    def seek(self, position: int) -> int:
        """Go to `position`; whoever reads there finds out whether that is past the end."""
        self._held = b""
        self._stream.seek(position)
        return position


class Extended:
    """Adds up the extended headers of one archive.

    Those of one entry come one behind the other, each a call deeper; those for all entries stay in memory.
    """

    def __init__(self) -> None:
        self._of_entry = 0
        self._of_all = 0

    def admit(self, kind: bytes, size: int, stream: Peeking) -> None:
        """Look at the next header before it is read.

        Args:
            kind: Its type.
            size: Bytes that it says it has.
            stream: Stands at its content.

        Raises:
            ArchiveError: It is too long, or no header that anybody writes in good faith.
        """
        if kind not in EXTENDED:
            self._of_entry = 0
            return
        self._of_entry += size
        if kind == tarfile.XGLTYPE:
            self._of_all += size
        if max(self._of_entry, self._of_all) > LONGEST:
            raise ArchiveError(
                f"the archive has a header of over {LONGEST:,} bytes before one entry; it is made to deceive"
            )
        if kind not in {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}:
            if size > _PAX_LONGEST:
                raise ArchiveError(f"the archive has a header of {size:,} bytes; it is made to deceive")
            _check_records(stream.peek(size))


def _check_records(data: bytes) -> None:
    """Raise unless `data` is records of ``LENGTH KEY=VALUE`` and a line break, as POSIX has them."""
    at = count = 0
    while at < len(data):
        said = _RECORD.match(data, at, at + _PAX_LONGEST)
        end = at + int(said[1]) if said else 0
        count += 1
        if said is None or said.end() >= end or data[end - 1 : end] != b"\n" or count > _MOST_RECORDS:
            raise ArchiveError("the archive has a header that is none (pax); it is damaged, or made to deceive")
        at = end
    if any(len(number) > _LONGEST_NUMBER for number in re.findall(rb"[0-9]+", data)):
        raise ArchiveError("the archive has a header with a number without end (pax); it is made to deceive")
