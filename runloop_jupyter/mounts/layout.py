"""What a mount shows: objects, each at a path of its own.

Names in a store are any text, and many may have the same; paths are not. So parts of a path are made such as any disk
takes (`naming`), and of several objects that would be at one path, one is: the one that has it by its very name, else
the newest. A directory that others' names make by their slashes goes before both. The others are there beside it, as
``stem~3fa9c.csv``, with what their version's label ends in. Paths are one where any system takes them for one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

from runloop_jupyter.mounts.kind import Kind
from runloop_jupyter.mounts.naming import key_of, kind_of, marked, parts_of
from runloop_jupyter.transfer.manifest import whole
from runloop_jupyter.wire.objects import ObjectView  # noqa: TC001 - msgspec reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Kind", "Layout", "Shown", "lay_out"]

_MARKS: Final = (5, 8, 16, 64)
"""Digits of the hash of an id that a mark has: as a version's label, and more where that is taken too."""


class Shown(msgspec.Struct, frozen=True):
    """One object in a mount.

    Attributes:
        path: Where, from the mount's directory down: parts that any disk takes, joined by slashes. Empty for an object
            that is a directory and the whole mount.
        view: The object; of what is kept in parts, with the size of the whole.
        kind: What it is there.
    """

    path: str
    view: ObjectView
    kind: Kind


class Layout(msgspec.Struct, frozen=True):
    """All that a mount shows; no path is another's, and none of a file leads on to another.

    Attributes:
        shown: The objects, in the order of their paths.
    """

    shown: tuple[Shown, ...]

    @property
    def size(self) -> int:
        """Bytes of the objects: of archives as they are packed."""
        return sum(each.view.size_bytes or 0 for each in self.shown)


def lay_out(wanted: Iterable[tuple[str, ObjectView]]) -> Layout:
    """Return where each of some objects is shown: the same, in whatever order they come.

    Args:
        wanted: The path that each should have, as an object's name is or the end of one, and the object. Empty for
            one that is a directory and alone; where it isn't, its name is its path.

    Example:
        >>> view = ObjectView(id="obj_1", name="a", state="READ_ONLY", content_type="text", create_time_ms=0)
        >>> other = msgspec.structs.replace(view, id="obj_2")
        >>> [each.path for each in lay_out([("a", view), ("a/b", other)]).shown]
        ['a/b', 'a~af865']
    """
    by_id: dict[str, tuple[str, ObjectView]] = {}
    for path, view in sorted(wanted, key=lambda each: (each[0], each[1].id)):
        by_id.setdefault(view.id, (path, view))
    if len(by_id) == 1:
        ((path, view),) = by_id.values()
        if not path and (kind := kind_of(view)) is not Kind.FILE:
            return Layout((Shown("", whole(view), kind),))
    return Layout(tuple(sorted(_settled([_Claim.of(*each) for each in by_id.values()]), key=lambda each: each.path)))


@dataclass(frozen=True)
class _Claim:
    """An object and the path that it would have.

    Attributes:
        view: The object.
        kind: What it is.
        parts: The path.
        own: Whether that is its very name.
    """

    view: ObjectView
    kind: Kind
    parts: tuple[str, ...]
    own: bool

    @classmethod
    def of(cls, path: str, view: ObjectView) -> _Claim:
        kind = kind_of(view)
        said = path or view.name
        parts = parts_of(said, view, kind)
        return cls(view, kind, parts, "/".join(parts) == said)

    @property
    def path(self) -> str:
        return "/".join(self.parts)

    @property
    def key(self) -> str:
        return key_of(self.path)

    @property
    def above(self) -> Iterator[str]:
        """The keys of the directories that its slashes make."""
        return (key_of("/".join(self.parts[:n])) for n in range(1, len(self.parts)))

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Whose the path is, of several: the greatest."""
        return self.own, self.view.create_time_ms, self.view.id


def _settled(claims: list[_Claim]) -> Iterator[Shown]:
    claims.sort(key=lambda each: each.rank, reverse=True)
    taken = {key for each in claims for key in each.above}
    others = []
    for each in claims:
        if (key := each.key) in taken:
            others.append(each)
        else:
            taken.add(key)
            yield _shown(each, each.path)
    # Only now: what has such a name by itself keeps it.
    for each in others:
        path = next(path for path in _marked(each) if key_of(path) not in taken)
        taken.add(key_of(path))
        yield _shown(each, path)


def _shown(claim: _Claim, path: str) -> Shown:
    return Shown(path, whole(claim.view), claim.kind)


def _marked(claim: _Claim) -> Iterator[str]:
    digits = hashlib.sha256(claim.view.id.encode("utf-8", "surrogatepass")).hexdigest()
    for length in _MARKS:
        yield marked(claim.parts, digits[:length], claim.kind)
    for number in count(2):
        yield marked(claim.parts, f"{digits}{number}", claim.kind)
