"""Object, the noun that actions return: one stored thing, and how it shows itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.address import quoted, version_label
from runloop_jupyter.display import humane
from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.plain import visible
from runloop_jupyter.display.result import Result
from runloop_jupyter.options import RESERVED
from runloop_jupyter.transfer.manifest import facts_of, format_of, is_folder, is_head, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runloop_jupyter.session import Store
    from runloop_jupyter.wire.objects import ObjectView

# A dash at the beginning would be an option.
# Letters of Persian and the parts of an emoji; `visible` lets them be only where they join.
_JOINERS: Final = {0x200C: None, 0x200D: None}


@dataclass(frozen=True)
class Outcome:
    """How a put ended.

    Attributes:
        sent: False where the current version already was the same.
        superseded: The version that was current before; None where there was none.
        notes: What its user should know, a line each.
        moved: Of a folder that is kept as files, how much of it was sent, in words.
    """

    sent: bool
    superseded: Object | None = None
    notes: tuple[str, ...] = ()
    moved: str = ""


@dataclass(frozen=True, eq=False)
class Object(Result):
    """One stored, immutable thing, and the store it lives in.

    Attributes:
        view: What the store says of it; of what is kept in parts, with the size of the whole.
        store: Where it lives.
        outcome: How the put that made it ended; None where it was found.
        public: Whether it was found among the public ones, which no bare name means.
    """

    view: ObjectView = field(repr=False)
    store: Store = field(repr=False)
    outcome: Outcome | None = field(default=None, repr=False)
    public: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        # What stands for a set is, to whoever looks, the whole.
        object.__setattr__(self, "view", whole(self.view))

    @property
    def id(self) -> str:
        """Its id, unique for ever within its store."""
        return self.view.id

    @property
    def name(self) -> str:
        """Its name, which other versions may share."""
        return self.view.name

    @property
    def version(self) -> str:
        """What this version is called, as ``penguins@20261103T141502Z-3fa9c``."""
        return f"{self.view.name}@{version_label(self.view.create_time_ms, self.view.id)}"

    @property
    def size(self) -> int | None:
        """Its size in bytes; None while its bytes aren't in."""
        return self.view.size_bytes

    @property
    def state(self) -> str:
        """``READ_ONLY``, ``UPLOADING``, ``DELETED``, ``ERROR``, or what a newer store says."""
        return self.view.state

    @property
    def created(self) -> datetime:
        """When it was put (UTC)."""
        return _moment(self.view.create_time_ms)

    @property
    def expires(self) -> datetime | None:
        """When the store deletes it by itself (UTC); None for never."""
        after = self.view.delete_after_time_ms
        return None if after is None else _moment(after)

    @property
    def metadata(self) -> dict[str, str]:
        """What its maker attached, without this extension's own keys."""
        return {key: value for key, value in (self.view.metadata or {}).items() if not key.startswith(RESERVED)}

    @property
    def kind(self) -> str:
        """``table``, ``array``, ``json``, ``text``, ``file``, ``folder``…; its content type where that is unknown."""
        return (self.view.metadata or {}).get("rl.kind") or self.view.content_type

    @property
    def format(self) -> str | None:
        """The stored format, ``parquet``, ``npy``…; None where another client made it."""
        return format_of(self.view.metadata)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What was written down when it was put: digest, rows, columns, short schema, library."""
        return facts_of(self.view.metadata)

    @property
    def digest(self) -> str | None:
        """The digest of its bytes, ``blake3:…``; None where none was kept."""
        digest = self.facts.get("digest")
        return digest if isinstance(digest, str) and ":" in digest else None

    @property
    def shape(self) -> str:
        """How large it is, as its kind is measured; empty where nobody said.

        ``344 × 8`` for a table or an array, ``344`` for a Series, ``640 × 480`` for an image, ``12 files`` for a
        folder.
        """
        facts = self.facts
        rows, columns, dims = (facts.get(key) for key in ("rows", "columns", "dims"))
        if isinstance(rows, int) and isinstance(columns, int):
            return f"{rows:,} × {columns:,}"
        if isinstance(rows, int) and columns is None:
            return f"{rows:,}"
        for sizes in (facts.get("shape"), facts.get("pixels")):
            if isinstance(sizes, list) and all(isinstance(n, int) for n in sizes):
                return " × ".join(f"{n:,}" for n in sizes)
        if isinstance(dims, dict) and all(isinstance(n, int) for n in dims.values()):
            return " × ".join(f"{name} {n:,}" for name, n in dims.items())
        counted = next((key for key in ("arrays", "tensors", "files") if isinstance(facts.get(key), int)), None)
        return humane.plural(facts[counted], counted[:-1]) if counted else ""

    @property
    def _parts(self) -> int:
        """How many parts it is kept in."""
        said = self.facts.get("parts")
        return said if isinstance(said, int) else 0

    def as_found(self, view: ObjectView) -> Object:
        """Return the same thing as its store says now that it is.

        Args:
            view: What the store says.
        """
        return Object(view, self.store, public=self.public)

    def get(self, **how: Any) -> Any:
        """Return its value; what can be said is what `runloop_jupyter.get` takes."""
        from runloop_jupyter.actions.get import get

        return get(self, **how)

    def card(self) -> Card:
        """Return the card that shows it."""
        outcome, size = self.outcome, self.view.size_bytes
        facts = [self.kind, self.shape, Fact(humane.size(size), "size") if size is not None else ""]
        if is_head(self.view):
            facts.append(Fact(f"in {humane.plural(self._parts, 'part')}", tone="quiet"))
        if is_folder(self.view):
            facts.append(Fact("as files", tone="quiet"))
        if self.view.state != "READ_ONLY":
            facts.append(Fact(self.view.state.lower(), tone="warn"))
        second: list[Fact | str] = [f"{key}={value}" for key, value in self.metadata.items()]
        if self.view.delete_after_time_ms is not None:
            second.append(Fact(f"expires {humane.utc(self.view.delete_after_time_ms)}", "time"))
        if outcome and not outcome.sent:
            second.append(Fact(f"unchanged since {humane.utc(self.view.create_time_ms)}: nothing was sent", "time"))
        if outcome and outcome.moved:
            second.append(outcome.moved)
        if outcome and outcome.sent and outcome.superseded:
            second.append(Fact(f"replaces {_said_of(outcome.superseded, self)}", "time"))
        typed = quoted(self.name) if can_be_typed(self.name) and not self.public else self.id
        return Card(
            title=self.view.name,
            facts=[*facts, self.store.identity.label],
            second=second,
            code=[
                f"{'df = ' if self.kind == 'table' else ''}%rl_get {typed}",
                "" if self.public else Fact(self.version, "id"),
            ],
            warnings=outcome.notes if outcome else (),
        )

    def __repr__(self) -> str:
        parts = " · ".join(part for part in (self.kind, self.shape, self.store.identity.label) if part)
        return f"<Object {self.view.name!r} {parts}>"

    def _shown(self) -> Card:
        return self.card()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Object):
            return NotImplemented
        return (self.view.id, self.store.identity.id) == (other.view.id, other.store.identity.id)

    def __hash__(self) -> int:
        return hash((self.view.id, self.store.identity.id))


def can_be_typed(name: str) -> bool:
    """Whether whoever sees `name` can type it: nothing in it is hidden or looks like something else."""
    return visible(name) == name and name.translate(_JOINERS).isprintable()


def _moment(time_ms: int) -> datetime:
    """Return milliseconds since 1970 as a time; what no calendar holds as the first or last it does."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if time_ms > 0 else datetime.min.replace(tzinfo=UTC)


def _said_of(old: Object, new: Object) -> str:
    when = humane.utc(old.view.create_time_ms)
    if old.digest and old.digest == new.digest:
        return f"a version put {when} (same name, same bytes)"
    return f"a version put {when} (same name, other bytes)"
