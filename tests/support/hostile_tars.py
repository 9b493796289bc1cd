"""Archives as nobody makes them in good faith: each a name, its bytes, and what is to come of it."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512
FILE, HARD, LINK, CHAR, BLOCK_DEVICE, FOLDER, FIFO, CONTIGUOUS = (bytes([48 + n]) for n in range(8))
GNU_NAME, GNU_LINK, PAX, PAX_ALL, SOLARIS = b"L", b"K", b"x", b"g", b"X"
END = bytes(2 * BLOCK)


@dataclass(frozen=True)
class Hostile:
    """One archive.

    Attributes:
        name: What is wrong with it.
        packed: Its bytes.
        limits: Of `unpack`, where those are what is tested.
        kept: Whether it is harmless after all, and unpacks to things beneath the root.
    """

    name: str
    packed: bytes = field(repr=False)
    limits: dict[str, Any] = field(default_factory=dict)
    kept: bool = False


def header(
    name: bytes | str,
    kind: bytes = FILE,
    size: int = 0,
    *,
    link: bytes | str = b"",
    mode: int = 0o644,
    raw_size: bytes | None = None,
    checksum: bytes | None = None,
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
) -> bytes:
    """Return one block, whatever it says."""
    name, link = (each.encode() if isinstance(each, str) else each for each in (name, link))
    fields = struct.pack(
        "100s8s8s8s12s12s8s1s100s8s32s32s8s8s155s12x",
        name,
        b"%07o\0" % mode,
        b"0000000\0",
        b"0000000\0",
        b"%011o\0" % size if raw_size is None else raw_size,
        b"00000000000\0",
        b" " * 8,
        kind,
        link,
        magic,
        b"root",
        b"root",
        b"0000000\0",
        b"0000000\0",
        prefix,
    )
    return fields[:148] + (b"%06o\0 " % sum(fields) if checksum is None else checksum) + fields[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def file(name: bytes | str, data: bytes = b"x", **how: Any) -> bytes:
    return header(name, FILE, len(data), **how) + padded(data)


def link(name: bytes | str, target: bytes | str) -> bytes:
    return header(name, LINK, link=target)


def hard(name: bytes | str, target: bytes | str) -> bytes:
    return header(name, HARD, link=target)


def extended(data: bytes, kind: bytes = PAX, *, size: int | None = None) -> bytes:
    return header("extended", kind, len(data) if size is None else size) + padded(data)


def record(key: str, value: bytes | str) -> bytes:
    """Return a pax record, its length right."""
    body = b" " + key.encode() + b"=" + (value.encode() if isinstance(value, str) else value) + b"\n"
    length = len(body)
    while length != len(body) + len(str(length)):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def packed(*parts: bytes, end: bytes = END) -> bytes:
    return gzip.compress(b"".join(parts) + end, 6, mtime=0)


def corpus(outside: str) -> Iterator[Hostile]:
    """Yield every archive there is.

    Args:
        outside: The path of a folder outside the root, which the archives reach for.
    """
    target = f"{outside}/target"
    names: set[str] = set()
    for hostile in _all(outside, target):
        assert hostile.name not in names, f"two archives are called {hostile.name}"
        names.add(hostile.name)
        yield hostile


def _all(outside: str, target: str) -> Iterator[Hostile]:
    yield from _slips(target)
    yield from _links(outside, target)
    yield from _kinds()
    yield from _twice()
    yield from _names()
    yield from _headers()
    yield from _sizes()
    yield from _bombs()
    yield from _damage()


def _slips(target: str) -> Iterator[Hostile]:
    ups = ["..", "../x", "a/../../x", "./../x", "a/b/../../../x", "a/..", "/..", "//../x", "a//..//..//x", ".../../x"]
    for name in [*ups, "x/../" * 40 + "../x"]:
        yield Hostile(f"goes up as {name[:20]!r}", packed(file(name)))
        yield Hostile(f"goes up as {name[:20]!r}, a folder", packed(header(name, FOLDER)))
        yield Hostile(f"goes up as {name[:20]!r}, in a pax path", packed(extended(record("path", name)), file("ok")))
        yield Hostile(
            f"goes up as {name[:20]!r}, in a GNU name", packed(extended(name.encode() + b"\0", GNU_NAME), file("ok"))
        )
    for name in [target, "//" + target[1:-1], "///etc/passwd", "/", "/."]:
        yield Hostile(f"is absolute as {name[-8:]!r}", packed(file(name.encode()[:100])))
        yield Hostile(f"is absolute as {name[-8:]!r}, in a pax path", packed(extended(record("path", name)), file("o")))
    yield Hostile("goes up in its prefix", packed(file("x", prefix=b"../..")))
    yield Hostile("is absolute in its prefix", packed(file("x", prefix=b"/tmp")))
    yield Hostile("goes up for every entry", packed(extended(record("path", "../x"), PAX_ALL), file("ok")))
    for name in ["..\\..\\x", "C:\\x", "\\\\host\\share\\x", "a\\..\\..\\x", "C:x", "\\x"]:
        yield Hostile(f"would go up elsewhere as {name!r}", packed(file(name)), kept=True)


def _links(outside: str, target: str) -> Iterator[Hostile]:
    away = [outside, "..", "../..", "a/../../..", "./..", "/", "", "a/..", "../data", "d/../../x", "....//../..//.."]
    for to in away:
        if to != "....//../..//..":
            yield Hostile(f"links to {to[-9:]!r}", packed(link("l", to)))
        yield Hostile(f"writes through a link to {to[-9:]!r}", packed(link("l", to), file("l/target")))
        yield Hostile(f"writes over a link to {to[-9:]!r}", packed(link("l", to), file("l")))
        yield Hostile(f"makes a folder through a link to {to[-9:]!r}", packed(link("l", to), header("l/f", FOLDER)))
        yield Hostile(f"links on through a link to {to[-9:]!r}", packed(link("l", to), link("l/m", "x")))
        yield Hostile(f"hard-links through a link to {to[-9:]!r}", packed(link("l", to), hard("h", "l/target")))
        yield Hostile(f"hard-links into a link to {to[-9:]!r}", packed(file("f"), link("l", to), hard("l/h", "f")))
    for to in [target, "../outside/target", "../../outside/target", "/etc/passwd", "nowhere", "d", ""]:
        yield Hostile(f"hard-links to {to[-19:]!r}", packed(header("d", FOLDER), hard("h", to)))
        if to:
            yield Hostile(
                f"hard-links to {to[-19:]!r}, in a pax linkpath",
                packed(extended(record("linkpath", to)), header("d", FOLDER), hard("h", "d")),
            )
    yield Hostile("hard-links to itself", packed(hard("h", "h")))
    yield Hostile("hard-links to a link", packed(file("f"), link("l", "f"), hard("h", "l"), file("h")))
    yield Hostile("writes over a hard link", packed(file("f"), hard("h", "f"), file("h", b"other")))
    yield Hostile("goes up link by link", packed(link("a", "."), link("a/b", ".."), link("a/b/c", "..")))
    chain = [link(f"l{n}", f"l{n + 1}") for n in range(50)]
    yield Hostile("goes on from link to link, out at the end", packed(*chain, link("l50", outside)))
    yield Hostile("writes at the end of a chain of links", packed(*chain, link("l50", "d"), file("l0/x")))
    yield Hostile("goes up through folders of links", packed(link("d/e/L", "../.."), link("M", "d/e/L/../..")))
    yield Hostile(
        "makes a link of what was a folder", packed(header("d", FOLDER), link("d", outside), file("d/target"))
    )
    yield Hostile("makes a folder of what was a link", packed(link("d", "e"), header("d", FOLDER), file("d/target")))
    yield Hostile("replaces the root by a link", packed(link(".", outside), file("target")))
    yield Hostile(
        "has a link without an end", packed(extended(record("linkpath", "a/" * 3000 + ".."), PAX), link("l", "x"))
    )
    yield Hostile("links in a circle", packed(link("a", "b"), link("b", "a")), kept=True)
    yield Hostile("links to itself", packed(link("a", "a")), kept=True)
    yield Hostile("has a link to a link that stays", packed(file("d/f"), link("d/a", "f"), link("b", "d/a")), kept=True)


def _kinds() -> Iterator[Hostile]:
    kinds = {"a character device": CHAR, "a block device": BLOCK_DEVICE, "a FIFO": FIFO}
    for name, kind in kinds.items():
        yield Hostile(f"is {name}", packed(header("x", kind)))
        yield Hostile(f"is {name} with content", packed(header("x", kind, 10) + padded(b"x" * 10)))
    for kind in b"DMNSVZ\xff\x01":
        yield Hostile(f"is of the sort {bytes([kind])!r}", packed(header("x", bytes([kind]), 4) + padded(b"data")))
    for mode in (0o4755, 0o2755, 0o1777, 0o7777, 0o100777, 0o000, 0o777777):
        yield Hostile(f"has the mode {mode:o}", packed(file("x", mode=mode & 0o7777777)), kept=True)
        yield Hostile(
            f"has a folder of the mode {mode:o}", packed(header("d", FOLDER, mode=mode), file("d/x")), kept=True
        )
    yield Hostile("is of a sort that means a file", packed(header("x", CONTIGUOUS, 1) + padded(b"x")), kept=True)


def _twice() -> Iterator[Hostile]:
    for first, second in [("a", "a"), ("a", "./a"), ("d/a", "d//a"), ("d/a", "d/./a"), ("d/a", "./d/a")]:
        yield Hostile(f"has {first} again as {second}", packed(file(first), file(second, b"other")))
        yield Hostile(f"has {first} again as {second}, a link", packed(file(first), link(second, "b")))
        yield Hostile(f"has {first} as a link, then as {second}", packed(link(first, "b"), file(second)))
        yield Hostile(f"has {first} again as {second}, a hard link", packed(file(first), file("b"), hard(second, "b")))
    yield Hostile("has a file and things in it", packed(file("a"), file("a/b")))
    yield Hostile("has things in a file", packed(file("a/b"), file("a")))
    yield Hostile("has the root as a file", packed(file(".")))
    yield Hostile("has the root as a file, deep", packed(file("./././")))
    yield Hostile("has a folder twice", packed(header("d", FOLDER), header("d/", FOLDER), file("d/x")), kept=True)
    for one, other in [
        ("readme", "README"),
        ("\u00e9", "e\u0301"),
        ("\ufb01", "fi"),
        ("\u212a", "k"),
        ("\u00df", "ss"),
    ]:
        yield Hostile(
            f"has {one} and {other}", packed(file(one, b"1"), file(other, b"2"), link(f"d{one}", "x")), kept=True
        )


def _names() -> Iterator[Hostile]:
    yield Hostile("has no name", packed(file("")))
    yield Hostile("has a NUL in its name", packed(extended(record("path", b"a\0b")), file("ok")))
    yield Hostile("has a NUL in its link", packed(extended(record("linkpath", b"a\0b")), link("l", "x")))
    yield Hostile("has a name of 256 letters", packed(extended(record("path", "n" * 256)), file("ok")))
    yield Hostile("has a name of 100,000 letters", packed(extended(record("path", "n" * 100_000)), file("ok")))
    yield Hostile("has a GNU name of 500,000 letters", packed(extended(b"n" * 500_000 + b"\0", GNU_NAME), file("ok")))
    yield Hostile("is 201 folders deep", packed(extended(record("path", "a/" * 200 + "b")), file("ok")))
    yield Hostile("is 5,000 folders deep", packed(extended(record("path", "a/" * 5000 + "b")), file("ok")))
    yield Hostile("has a path of 5,000 bytes", packed(extended(record("path", ("n" * 200 + "/") * 25)), file("ok")))
    for name in [
        "new\nline",
        "\x1b[2J\x1b]0;t\x07",
        "\r",
        "\t",
        "a\u202eb",
        "\u200b",
        "-rf",
        "~",
        "$HOME",
        "*",
        "nul",
        " ",
        "a.",
    ]:
        yield Hostile(f"is called {name!r}", packed(file(name)), kept=True)
        yield Hostile(f"goes up from {name!r}", packed(file(f"{name}/../../x")))
    yield Hostile("has a name that is not UTF-8", packed(file(b"\xff\xfe")), kept=True)
    yield Hostile("goes up in a name that is not UTF-8", packed(file(b"\xff/../../\xfe")))


def _headers() -> Iterator[Hostile]:
    digits = extended(b"1" * (100 << 10))
    yield Hostile("has a pax header of digits", packed(digits, file("ok")))
    yield Hostile("has a pax header of a mebibyte of digits", packed(extended(b"1" * (1 << 20)), file("ok")))
    yield Hostile("has a pax value of digits", packed(extended(record("comment", "1" * (100 << 10))), file("ok")))
    yield Hostile("has pax records that overlap", packed(extended(b"2 " * (50 << 10) + b"x=\n"), file("ok")))
    for name, data in {
        "too long": b"99 path=x\n",
        "too short": b"5 path=x\n",
        "zero": b"0 path=x\n",
        "negative": b"-9 path=x\n",
        "missing": b"path=x\n",
        "no number": b"x path=x\n",
        "a number without end": b"9" * 5000 + b" path=x\n",
    }.items():
        yield Hostile(f"has a pax record of a length that is {name}", packed(extended(data), file("ok")))
    yield Hostile("has a pax record without a value", packed(extended(b"8 path\n\n"), file("ok")))
    yield Hostile("has a pax record without an end", packed(extended(b"8 path=x"), file("ok")))
    yield Hostile("has a pax header of 100,000 records", packed(extended(b"6 a=b\n" * 100_000), file("ok")))
    yield Hostile("has a pax header of 2 MiB", packed(extended(record("comment", "x" * (2 << 20))), file("ok")))
    yield Hostile(
        "has 20 pax headers before one entry", packed(*[extended(record("c", "x" * 65_000))] * 20, file("ok"))
    )
    yield Hostile(
        "has 5,000 small pax headers before one entry", packed(*[extended(record("c", "x"))] * 5000, file("ok"))
    )
    everywhere = [extended(record(f"k{n}", "x" * 65_000), PAX_ALL) + file(f"f{n}") for n in range(20)]
    yield Hostile("has headers for all entries without end", packed(*everywhere))
    yield Hostile("has a Solaris header of 2 MiB", packed(extended(record("c", "x" * (2 << 20)), SOLARIS), file("ok")))
    yield Hostile("has a GNU name of 2 MiB", packed(extended(b"n" * (2 << 20), GNU_NAME), file("ok")))
    yield Hostile("has a GNU link of 2 MiB", packed(extended(b"n" * (2 << 20), GNU_LINK), link("l", "x")))
    yield Hostile("has a GNU name for nothing", packed(extended(b"name\0", GNU_NAME)))
    yield Hostile("has a GNU name of a GNU name", packed(*[extended(b"n\0", GNU_NAME)] * 2000, file("ok")))
    yield Hostile("has a GNU name that ends with the archive", packed(extended(b"name\0", GNU_NAME), end=b""))
    yield Hostile("has a GNU name longer than it is", packed(extended(b"a\0", GNU_NAME, size=1 << 19), file("ok")))
    yield Hostile("has a GNU link that goes up", packed(extended(b"../../x\0", GNU_LINK), link("l", "ok")))
    yield Hostile("has a pax header for nothing", packed(extended(record("path", "x"))))
    yield Hostile("has a negative pax size", packed(extended(record("size", "-512")), file("ok")))
    yield Hostile("has a pax size without end", packed(extended(record("size", "9" * 18)), file("ok")))
    yield Hostile("has a pax size of a number too long", packed(extended(record("size", "9" * 5000)), file("ok")))
    yield Hostile(
        "has a pax path in an unknown charset",
        packed(extended(record("hdrcharset", "x") + record("path", b"\xff/../../x")), file("o")),
    )


def _sizes() -> Iterator[Hostile]:
    for name, raw in {
        "negative": b"\xff" * 12,
        "of 8 EiB": b"\x80" + b"\x7f" + b"\xff" * 10,
        "of 8 GiB": b"77777777777\0",
        "that is no number": b"not a number",
        "that is a float": b"1.5\0        ",
    }.items():
        yield Hostile(f"has a size {name}", packed(header("x", raw_size=raw)))
        yield Hostile(f"has a pax header of a size {name}", packed(header("x", PAX, raw_size=raw), file("ok")))
        yield Hostile(f"has a GNU name of a size {name}", packed(header("x", GNU_NAME, raw_size=raw), file("ok")))
    yield Hostile("has a folder with a size", packed(header("d", FOLDER, 1 << 30)), kept=True)
    yield Hostile("is a sparse file, the old way", packed(header("x", b"S", 512, magic=b"ustar  \0"), bytes(512)))
    for keys in [
        {"GNU.sparse.map": "0,1,99999999999,1", "GNU.sparse.size": "99999999999"},
        {
            "GNU.sparse.size": "99999999999",
            "GNU.sparse.numblocks": "1",
            "GNU.sparse.offset": "0",
            "GNU.sparse.numbytes": "1",
        },
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "../x", "GNU.sparse.realsize": "9" * 12},
    ]:
        records = b"".join(record(key, value) for key, value in keys.items())
        yield Hostile(
            f"is a sparse file by {min(keys)}", packed(extended(records), file("x", b"1\n0\n1\n" + bytes(506)))
        )


def _bombs() -> Iterator[Hostile]:
    zeros = packed(file("zeros", bytes(24 << 20)))
    yield Hostile("swells beyond measure", zeros, {"max_ratio": 100})
    yield Hostile("holds more than there may be", zeros, {"max_bytes": 1 << 20})
    yield Hostile("holds more than it may, by one byte", packed(file("a", b"x" * 11)), {"max_bytes": 10})
    yield Hostile(
        "holds more than it may, in two files", packed(file("a", b"x" * 6), file("b", b"x" * 6)), {"max_bytes": 11}
    )
    yield Hostile("says more than it may hold", packed(file("a")), {"declared": 1 << 60})
    many = packed(*[file(f"f{n}", b"") for n in range(3000)])
    yield Hostile("has too many files", many, {"max_entries": 2999})
    yield Hostile("has too many folders", packed(*[header(f"d{n}", FOLDER) for n in range(600)]), {"max_entries": 500})
    yield Hostile("has too many links", packed(*[link(f"l{n}", "x") for n in range(600)]), {"max_entries": 500})
    yield Hostile(
        "has too many hard links", packed(file("f"), *[hard(f"h{n}", "f") for n in range(600)]), {"max_entries": 500}
    )
    yield Hostile("has a folder again and again", packed(*[header("d", FOLDER)] * 600), {"max_entries": 500})
    yield Hostile("goes on with zeros after its end", packed(file("a"), end=bytes(4 << 20)))


def _damage() -> Iterator[Hostile]:
    good = packed(file("one", bytes(range(256)) * 40), link("l", "one"), file("two", b"2" * 600))
    plain = gzip.decompress(good)
    for cut in (0, 1, 5, 10, 11, 20, len(good) // 2, len(good) - 9, len(good) - 8, len(good) - 4, len(good) - 1):
        yield Hostile(f"is cut off after {cut} bytes", good[:cut])
    for at in (0, 1, 2, 3, 12, len(good) // 2, len(good) - 8, len(good) - 1):
        yield Hostile(f"has byte {at} of {len(good)} changed", good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :])
    yield Hostile("has a wrong checksum", good[:-8] + struct.pack("<I", zlib.crc32(plain) ^ 1) + good[-4:])
    yield Hostile("has a wrong length", good[:-4] + struct.pack("<I", len(plain) + 1))
    yield Hostile("has garbage behind it", good + b"garbage")
    yield Hostile("has a zip behind it", good + b"PK\x03\x04" + bytes(100))
    yield Hostile("has a second archive behind it", good + packed(file("three")))
    yield Hostile("has a member behind it that says nothing of tar", good + gzip.compress(b"more"))
    yield Hostile("has half a member behind it", good + good[: len(good) // 2])
    yield Hostile("comes in two members", gzip.compress(plain[:700]) + gzip.compress(plain[700:]), kept=True)
    yield Hostile("has zeros behind it", good + bytes(64), kept=True)
    for at in (600, 1500, len(plain) // 2):
        yield Hostile(f"ends within its tar, at {at}", gzip.compress(plain[:at]))
    yield Hostile("has no end", gzip.compress(plain[: -len(END)][:-100]))
    for checksum in (b"000000\0 ", b"777777\0 ", b"        ", b"xxxxxxxx"):
        yield Hostile(f"has the header checksum {checksum!r}", packed(header("x", checksum=checksum)))
        yield Hostile(f"has the header checksum {checksum!r} later", packed(file("a"), header("x", checksum=checksum)))
    yield Hostile("is nothing", b"")
    yield Hostile("is an empty gzip", gzip.compress(b""))
    yield Hostile("is zeros", bytes(1 << 16))
    yield Hostile("is a gzip of zeros", gzip.compress(bytes(1 << 20)), kept=True)
    yield Hostile("is a gzip of text", gzip.compress(b"text " * 1000))
    yield Hostile("is a tar without gzip", plain, kept=True)
    yield Hostile("is a tar without gzip, cut off", plain[:1200])
    yield Hostile("is a tar without gzip that goes up", gzip.decompress(packed(file("a"), file("../x"))))
    yield Hostile("is a zip", b"PK\x03\x04" + bytes(2000))
    yield Hostile("is a bzip2", b"BZh91AY&SY" + bytes(200))
    yield Hostile("is a gzip of a gzip", gzip.compress(good))
    yield Hostile("says that it is compressed otherwise", good[:2] + b"\x09" + good[3:])
    yield Hostile("has a gzip header without end", b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (1 << 20))
