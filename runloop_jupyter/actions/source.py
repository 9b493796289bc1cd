"""What is to be put: a Python value, a file or a folder, and how it becomes one file to send."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias

from runloop_jupyter import archive
from runloop_jupyter.actions import stream
from runloop_jupyter.address import quoted
from runloop_jupyter.content import content_type_of
from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError
from runloop_jupyter.transfer.manifest import FILES
from runloop_jupyter.values import registry
from runloop_jupyter.wire.objects import ContentType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runloop_jupyter.values.codec import Codec

FILE: Final = "file"
FOLDER: Final = "folder"
_HEAD_BYTES: Final = 4096
SECRETS_NAMED: Final = 4
FOLDER_FORMS: Final = ("tar.gz", FILES)
AS_FILES_FROM: int = 1 << 30
"""Bytes of a folder from which on it is worth to send only what changed. Tests lower it."""
AS_FILES_MEAN: int = 64 << 10
"""Bytes of a file, in the mean, under which a folder is sooner sent in one piece: each costs some questions."""
AS_FILES_MOST: int = 100_000
"""Entries of a folder, of which a list can be read in a moment."""


@dataclass(frozen=True)
class Packed:
    """What a source came to.

    Attributes:
        facts: What goes into ``rl.facts`` beside the digest.
        notes: What its user should know, a line each.
    """

    facts: dict[str, Any]
    notes: tuple[str, ...] = ()


class FileSource:
    """A file, sent as it is."""

    kind = FILE
    format = FILE
    identity = "digest"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content_type = str(content_type_of(path.name))


class FolderSource:
    """A directory: as one tar.gz, the same wherever it is made, or as files, of which only the new ones are sent.

    Args:
        directory: The directory.
        include_secrets: Whether what may hold secrets stays in it.
        form: ``tar.gz`` or ``files``; None for what suits it.
    """

    kind = FOLDER
    format = "tar.gz"
    content_type = str(ContentType.TGZ)
    # gzip's bytes differ by library and processor; those of the tar inside don't.
    identity = "tar"

    def __init__(self, directory: Path, *, include_secrets: bool = False, form: str | None = None) -> None:
        self.directory = directory
        self.include_secrets = include_secrets
        self._form = form
        self._looked: archive.Estimate | None = None

    def goes_as_files(self, checkpoint: Callable[[], None]) -> bool:
        """Whether it goes as files: where that was said, or it is large, and not of very many tiny files."""
        if self._form is not None:
            return self._form == FILES
        looked = self._look(checkpoint)
        is_large, is_tiny = looked.bytes > AS_FILES_FROM, looked.bytes < looked.files * AS_FILES_MEAN
        return is_large and not is_tiny and looked.entries <= AS_FILES_MOST

    def estimate(self, checkpoint: Callable[[], None]) -> int:
        """Return how many bytes the archive will take, about."""
        return self._look(checkpoint).packed

    def _look(self, checkpoint: Callable[[], None]) -> archive.Estimate:
        self._looked = self._looked or archive.estimate(
            self.directory, include_secrets=self.include_secrets, checkpoint=checkpoint
        )
        return self._looked

    def pack(self, file: BinaryIO, checkpoint: Callable[[], None]) -> Packed:
        """Write the archive; what was left out of it is counted in a note, what looks like a secret named too."""
        packed = archive.pack(self.directory, file, checkpoint=checkpoint, include_secrets=self.include_secrets)
        facts = {"files": packed.files, "bytes": packed.bytes, "tar": packed.tar_digest}
        return Packed(facts, left_out(packed.left_out, packed.ignored))


def left_out(secrets: Sequence[str], ignored: int) -> tuple[str, ...]:
    """Return what the user should know of what a folder was put without, a line each.

    Args:
        secrets: Paths of what may hold secrets.
        ignored: How many a ``.runloopignore`` left out.
    """
    notes = []
    if secrets:
        count = humane.plural(len(secrets), "file")
        named = ", ".join(map(archive.shown, secrets[:SECRETS_NAMED]))
        notes = [f"left out {count} that may hold secrets: {named}. Those too: --include-secrets"]
    if ignored:
        notes.append(f"left out {ignored:,} by .runloopignore")
    return tuple(notes)


class ValueSource:
    """A Python value, in the form its codec gives it."""

    identity = "digest"

    def __init__(self, value: object, codec: Codec) -> None:
        self._value = value
        self._codec = codec
        self.kind = codec.kind
        self.format = codec.format
        self.content_type = codec.content_type

    def pack(self, file: BinaryIO, checkpoint: Callable[[], None]) -> Packed:
        """Write the encoded value; what its codec has to say of it is a note."""
        facts = dict(self._codec.encode(self._value, file, checkpoint))
        note = facts.get("note")
        return Packed(facts, (note,) if isinstance(note, str) else ())


class StreamSource:
    """What a generator or a file-like gives, sent as a file.

    Attributes:
        expected: How many bytes it will give, where it has ``expected_bytes`` that say so; None otherwise.
    """

    kind = FILE
    format = FILE
    identity = "digest"

    def __init__(self, what: object, name: str) -> None:
        self._stream = what
        expected = getattr(what, "expected_bytes", None)
        self.expected = expected if isinstance(expected, int) else None
        by_name = content_type_of(name)
        is_text = by_name is ContentType.UNSPECIFIED and isinstance(what, io.TextIOBase)
        self.content_type = str(ContentType.TEXT if is_text else by_name)

    def pack(self, file: BinaryIO, checkpoint: Callable[[], None]) -> Packed:
        """Write all that it gives, from where it stands."""
        stream.spool(self._stream, file, checkpoint)
        return Packed({})


Source: TypeAlias = FileSource | FolderSource | ValueSource | StreamSource
"""What can be put. Each says its ``kind``, stored ``format`` and ``content_type``, and as ``identity`` which fact
decides whether two stored forms are the same thing; all but a file ``pack`` themselves into one."""


def source_of(
    what: object, name: str, *, format: str | None = None, pickle: bool = False, include_secrets: bool = False
) -> Source:
    """Return how `what` is put.

    Args:
        what: A value; a `Path` to a file or a directory; a generator or a file-like.
        name: The name it is put under.
        format: The stored format, where several would do.
        pickle: Whether a value without another form may be pickled.
        include_secrets: Whether what may hold secrets stays in a folder.

    Raises:
        InputError: A path that isn't there, or text that may have been meant as one.
        UnsupportedValue: The value has no stored form.
    """
    if isinstance(what, Path):
        if pickle:
            raise InputError("a path is stored as the file it is; --pickle (pickle=True) is for values")
        return path_source(what, include_secrets=include_secrets, form=format)
    if include_secrets:
        raise InputError("include_secrets (--include-secrets) is for folders; of anything else nothing is left out")
    if isinstance(what, str) and not format and _names_a_file(what):
        raise InputError(
            f"{what!r} is text and also a file here. As text: --as text (format='text'); "
            f"the file: %rl_put {_as_path(what)} (Path({what!r}))"
        )
    if stream.is_stream(what) and registry.find(what) is None:
        if format or pickle:
            raise InputError("a stream is stored as the file that it gives; a format is for values")
        return StreamSource(what, name)
    return ValueSource(what, registry.codec_for(what, format=format, pickle=pickle))


def path_source(path: Path, *, include_secrets: bool = False, form: str | None = None) -> Source:
    """Return how a file or a directory is put.

    Args:
        path: The file or directory.
        include_secrets: Whether what may hold secrets stays in a directory; a file that is named is meant.
        form: ``tar.gz`` or ``files``, for a directory; None for what suits it.

    Raises:
        InputError: It isn't there, can't be read, or is neither; a form that it can't be put in.
    """
    path = path.expanduser()
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(f"there is no file or folder {str(path)!r}") from None
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        if form not in {None, *FOLDER_FORMS}:
            raise InputError(f"a folder is stored as {' or '.join(FOLDER_FORMS)} (--as, format=), not as {form!r}")
        return FolderSource(path, include_secrets=include_secrets, form=form)
    if form is not None:
        raise InputError("a path is stored as the file it is; a format is for values, and for folders")
    if not stat.S_ISREG(mode):
        raise InputError(f"{str(path)!r} is a device, pipe or socket, not a file")
    if not os.access(path, os.R_OK):
        raise InputError(f"{str(path)!r} can't be read: permission denied")
    return FileSource(path)


def name_of(what: object) -> str | None:
    """Return the name that a thing has by itself, of a path or of an open file; None for a value."""
    return name_of_path(what) if isinstance(what, Path) else stream.name_of_stream(what)


def name_of_path(path: Path) -> str:
    """Return the name under which a path is put when nobody gives another: its last part."""
    path = path.expanduser().absolute()
    # A link keeps its own name; "." and ".." have none of their own.
    return path.resolve().name if path.name in {"", ".."} else path.name


def stored_format(said: str | None, file: BinaryIO, name: str) -> str | None:
    """Return the format of stored bytes: what was said when they were put, else what they look like.

    Args:
        said: ``rl.format``; None for what another client made.
        file: The bytes, seekable; left at its start.
        name: The object's name.
    """
    if said not in {FILE, None}:
        return said
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    return registry.sniff(head, name)


def _as_path(text: str) -> str:
    """Return a path as it is typed so that it can't be a variable's name."""
    return quoted(text if text.startswith(("/", "./", "../", "~")) else f"./{text}")


def _names_a_file(text: str) -> bool:
    try:
        return 0 < len(text) < 1024 and "\n" not in text and Path(text).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, no such user
        return False
