"""Sets: what is too large for one object, as several that are one to whoever puts and gets.

A presigned PUT takes 5 GiB in one piece. What is larger goes up as *parts*, objects of at most a gibibyte, and a *head*
under the name that it was put under, whose bytes are a small JSON manifest: ids, sizes and digests of the parts, and
the digest of the whole. The head comes last and goes first, so that a set is seen whole or not at all.

How they are told, within the three keys that an object carries beside its user's own:

========= ============= ===================== =============================================================
object    ``rl.kind``   ``rl.format``         ``rl.facts``
========= ============= ===================== =============================================================
part      ``part``      ``part``              ``set`` (its id), ``part`` (its number), ``digest``
head      as one whole  ``parts``             as one whole, and ``set``, ``size``, ``parts`` (how many),
                                              ``format`` (of the whole), ``manifest`` (its digest)
========= ============= ===================== =============================================================

The set's id stands in ``rl.facts``, for a key of its own would be one with a value for each set, of which a store lists
all. ``rl.kind=part`` has one value, by which a store can be asked for parts. Parts carry none of the user's metadata:
they must not count where objects are counted by it. Who doesn't know sets sees ``rl.format=parts`` and refuses what
it can't read, rather than taking the manifest for the value.

A folder that is kept as files is a set too, of another sort: see `folders`.

Whatever stands in a store may have been written by somebody else: a manifest is believed as far as each part says
itself that it belongs to that set.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.errors import TransferError
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from runloop_jupyter.wire.objects import ObjectListView, ObjectView

PART: Final = "part"
PARTS: Final = "parts"
FOLDER: Final = "folder"
FILES: Final = "files"
LARGEST: Final = 64 << 20
"""Bytes of a manifest."""
_NAME_BYTES: Final = 1000
_PART_NAME: Final = re.compile(r"\.rl-part-[0-9]{5,}\Z")
_OF_SETS: Final = ("set", "size", "parts", "format", "manifest")
"""What the facts of a head have beside those of the whole."""


@dataclass(frozen=True)
class Part:
    """One part, as the manifest has it: its object's id, its size in bytes, its digest ``blake3:…``."""

    id: str
    size: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """What is in a set.

    Attributes:
        set: Its id.
        size: Bytes of the whole.
        digest: Of the whole.
        parts: In the order of their bytes.
    """

    set: str
    size: int
    digest: str
    parts: tuple[Part, ...]

    def to_bytes(self) -> bytes:
        """Return it as it is stored."""
        return json.dumps({"version": 1, **asdict(self)}, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> Manifest:
        """Return what is stored.

        Raises:
            TransferError: It is none, or one of a later version; `name` is whose.
        """
        try:
            said = json.loads(data)
            if said["version"] != 1:
                raise TransferError(f"“{name}” is kept in parts as a later version of this package does. Update it")
            parts = tuple(map(_part, said["parts"]))
            found = cls(_text(said["set"]), _count(said["size"]), _text(said["digest"]), parts)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise TransferError(f"the list of the parts of “{name}” is damaged; it can't be put together") from None
        if sum(part.size for part in found.parts) != found.size:
            raise TransferError(f"the parts of “{name}” don't add up to its size; it can't be put together")
        return found


def facts_of(metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """Return the facts that metadata carry; none where they are somebody else's words."""
    try:
        facts = json.loads((metadata or {}).get("rl.facts", "{}"))
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def is_member(view: ObjectView) -> bool:
    """Whether an object is part of a set: no list shows it, and no name means it.

    One that is deleted has no metadata any more; its name tells.
    """
    if view.metadata:
        return view.metadata.get("rl.kind") == PART
    return view.state == ObjectState.DELETED and _PART_NAME.search(view.name) is not None


def part_name(name: str, number: int) -> str:
    """Return what a part is called: as what it is a part of, so that it is known where sets are not."""
    return f"{part_prefix(name)}{number:05d}"


def part_prefix(name: str) -> str:
    """Return how the names of all parts of what is called `name` begin."""
    return f"{name.encode()[:_NAME_BYTES].decode(errors='ignore')}.rl-part-"


def is_head(view: ObjectView) -> bool:
    """Whether an object stands for what was too large for one, and is kept in parts."""
    return (view.metadata or {}).get("rl.format") == PARTS


def is_folder(view: ObjectView) -> bool:
    """Whether an object stands for a folder that is kept as files."""
    has = view.metadata or {}
    return has.get("rl.kind") == FOLDER and has.get("rl.format") == FILES


def set_of(metadata: Mapping[str, str] | None) -> str | None:
    """Return the id of the set that a part or a head belongs to; None for what belongs to none."""
    has = metadata or {}
    if has.get("rl.kind") != PART and has.get("rl.format") not in {PARTS, FILES}:
        return None
    said = facts_of(has).get("set")
    return said if isinstance(said, str) and said else None


def format_of(metadata: Mapping[str, str] | None) -> str | None:
    """Return the stored format, of a set that of the whole; None where nobody said."""
    said = (metadata or {}).get("rl.format")
    if said != PARTS:
        return said
    of_whole = facts_of(metadata).get("format")
    return of_whole if isinstance(of_whole, str) else None


def size_of(view: ObjectView) -> int | None:
    """Return the size in bytes, of a set that of the whole."""
    if (is_head(view) or is_folder(view)) and view.size_bytes is not None:
        said = facts_of(view.metadata).get("size")
        if isinstance(said, int) and not isinstance(said, bool) and said >= 0:
            return said
    return view.size_bytes


def whole(view: ObjectView) -> ObjectView:
    """Return the view of an object with the size of what it stands for."""
    size = size_of(view)
    if size == view.size_bytes:
        return view
    import msgspec  # only where there is a set

    return msgspec.structs.replace(view, size_bytes=size)


def without_members(pages: Iterable[ObjectListView]) -> Iterator[ObjectListView]:
    """Yield pages of objects without those that are parts."""
    import msgspec

    for page in pages:
        if any(map(is_member, page.objects)):
            yield msgspec.structs.replace(page, objects=[view for view in page.objects if not is_member(view)])
        else:
            yield page


def of_head(metadata: Mapping[str, str], manifest: Manifest, digest: str) -> dict[str, str]:
    """Return the metadata of a head.

    Args:
        metadata: What the whole would carry as one object.
        manifest: What is in the set.
        digest: Of the manifest's bytes.
    """
    facts = facts_of(metadata) | {
        "set": manifest.set,
        "size": manifest.size,
        "parts": len(manifest.parts),
        "manifest": digest,
    }
    if "rl.format" in metadata:
        facts["format"] = metadata["rl.format"]
    return {**metadata, "rl.format": PARTS, "rl.facts": _json(facts)}


def of_part(set_id: str, number: int, digest: str) -> dict[str, str]:
    """Return the metadata of a part."""
    return {"rl.kind": PART, "rl.format": PART, "rl.facts": _json({"set": set_id, "part": number, "digest": digest})}


def of_member(set_id: str, digest: str, put: str) -> dict[str, str]:
    """Return the metadata of a member of a folder that is kept as files.

    Args:
        set_id: The set.
        digest: Of the member's bytes.
        put: The intent that it is made under.
    """
    return {"rl.kind": PART, "rl.format": PART, "rl.facts": _json({"set": set_id, "digest": digest, "put": put})}


def of_folder(metadata: Mapping[str, str], set_id: str, digest: str) -> dict[str, str]:
    """Return the metadata of the head of a folder that is kept as files.

    Args:
        metadata: What it carries beside that.
        set_id: The set.
        digest: Of the head's bytes.
    """
    facts = facts_of(metadata) | {"set": set_id, "manifest": digest}
    return {**metadata, "rl.kind": FOLDER, "rl.format": FILES, "rl.facts": _json(facts)}


def of_whole(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Return what a head's metadata would be if the whole were one object; any other's as they are."""
    has = dict(metadata or {})
    if has.get("rl.format") != PARTS:
        return has
    facts, said = facts_of(has), format_of(has)
    plain = {key: value for key, value in facts.items() if key not in _OF_SETS}
    del has["rl.format"]
    return {**has, **({} if said is None else {"rl.format": said}), "rl.facts": _json(plain)}


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def _part(said: Mapping[str, object]) -> Part:
    return Part(_text(said["id"]), _count(said["size"]), _text(said["digest"]))


def _text(said: object) -> str:
    if not isinstance(said, str) or not said:
        raise ValueError
    return said


def _count(said: object) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or said < 0:
        raise ValueError
    return said
