"""Frames on a socket: a number, what it is, and bytes; long ones in pieces, so that others find a place between.

A frame's number is that of the question it asks or answers; 0 is an event, which nobody asked for. Whoever writes a
long answer lets go of the line after each piece.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from enum import IntFlag
from typing import Final

PIECE: Final = 1 << 20
"""Bytes of one piece at most."""
LONGEST: Final = 1 << 30
"""Bytes of one message at most: more is no message of ours."""
_HEAD: Final = struct.Struct("!IBI")
_YIELD_S: Final = 0.001
# Room for a page, so that whoever writes it needn't wait for the other end to be scheduled in between.
_BUFFER: Final = 1 << 20


class Sort(IntFlag):
    """What a frame is."""

    ANSWER = 0
    FAILED = 1
    MORE = 2
    """Another piece of the same follows."""


class Gone(Exception):
    """The other end is gone, or speaks of something else."""


class Line:
    """One end of a socket between two processes. Any thread may say something; one listens.

    Args:
        end: A connected stream socket, which is closed with this.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._turn = threading.Lock()
        self._waiting: deque[None] = deque()
        self._begun: dict[int, bytearray] = {}
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, _BUFFER)

    def say(self, number: int, data: bytes, sort: Sort = Sort.ANSWER) -> None:
        """Send a message.

        Raises:
            Gone: Nobody hears it.
        """
        left = memoryview(data)
        while True:
            piece, left = left[:PIECE], left[PIECE:]
            head = _HEAD.pack(number, sort | (Sort.MORE if left else 0), len(piece))
            self._waiting.append(None)
            with self._turn:
                self._waiting.pop()
                try:
                    self._end.sendall(head + piece)
                except OSError:
                    raise Gone from None
            if not left:
                return
            if self._waiting:  # a lock is no queue: without this the next piece would be first again
                time.sleep(_YIELD_S)

    def hear(self) -> tuple[int, Sort, bytes]:
        """Return the next message that is whole: its number, what it is, its bytes.

        Raises:
            Gone: There will be none.
        """
        while True:
            number, kind, length = _HEAD.unpack(self._read(_HEAD.size))
            sort, begun = Sort(kind), self._begun.pop(number, None)
            if length > PIECE or (begun is not None and len(begun) > LONGEST):
                raise Gone
            data = self._read(length)
            if begun is not None:
                begun += data
                data = begun
            if not sort & Sort.MORE:
                return number, sort, bytes(data)
            self._begun[number] = bytearray(data) if begun is None else begun

    def _read(self, length: int) -> bytearray:
        """Return so many bytes. Where they are there it gives up the interpreter once, however many they are."""
        data = bytearray(length)
        left = memoryview(data)
        while left:
            try:
                came = self._end.recv_into(left, len(left), socket.MSG_WAITALL)
            except OSError:
                raise Gone from None
            if not came:
                raise Gone
            left = left[came:]
        return data

    def close(self) -> None:
        """End it; whoever listens at the other end, or at this one, is told that it is gone."""
        with suppress(OSError):
            self._end.shutdown(socket.SHUT_RDWR)
        self._end.close()

    def let_go(self) -> None:
        """Close this process's copy only: it was forked, and the line is its parent's."""
        self._end.close()
