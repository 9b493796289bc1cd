"""profiles.toml: the profiles that were logged in.

It lies under ``RUNLOOP_JUPYTER_HOME``::

    default = "work"

    [profiles.work]
    base_url = "https://api.runloop.ai"
    api_key = "…"

Its owner may write into it too, and finds his comments, his order and his other tables as he left them. It is 0600 from
its first byte, replaced whole or not at all, and two kernels that write at once both find their profile in it.

Keys are in no frame that an error passes through, for a verbose traceback prints local variables: what reads or
rewrites the text says what is wrong as a word, and only then is it raised.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from runloop_jupyter.errors import ProfileError, one_line
from runloop_jupyter.paths import home_dir, home_path
from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

NAME: Final = "profiles.toml"
LOCK_S: Final = 5.0

_HEAD: Final = re.compile(r"(?:[ \t]*(?:#[^\r\n]*)?\r?\n)*")
_NEW: Final = "# How stores are reached, with their keys: for its owner's eyes only.\n"


@dataclass(frozen=True)
class Entry:
    """What the file says of one profile, as it stands there.

    Attributes:
        base_url: Its URL; None where it names none.
        key: Its key; None where it names none, or none that is text.
    """

    base_url: object = None
    key: Secret | None = None


@dataclass(frozen=True)
class Contents:
    """What the file says; nothing where there is none.

    Attributes:
        path: Where it is, or would be.
        default: The profile for new kernels; None where it names none.
        profiles: By name, in the file's order.
    """

    path: Path
    default: str | None = None
    profiles: Mapping[str, Entry] = field(default_factory=dict)


def read() -> Contents:
    """Return what the file says.

    Raises:
        ProfileError: Others can read it, or it can't be read as what it should be.
    """
    path = home_path() / NAME
    text = _text(path)
    if isinstance(text, _Problem):
        raise ProfileError(f"{path} {text}")
    found = _contents(path, text)
    if isinstance(found, _Problem):
        raise ProfileError(f"{path} {found}")
    return found


def check_writable() -> None:
    """Check that a profile could be kept, before anybody is asked for a key.

    Raises:
        InputError: The home can't be written to.
        ProfileError: The file can't be read, or is a link or read-only.
    """
    home_dir()
    path = read().path
    if problem := _unwritable(path):
        raise ProfileError(f"{path} {problem}")


def keep(name: str, base_url: str, key: Secret) -> Path:
    """Write a profile, in place of an older one of that name, make it the default, and return where it is kept.

    Raises:
        InputError: The home can't be written to.
        ProfileError: The file can't be read or written. Nothing was changed.
    """

    def change(data: Any) -> None:
        data["default"] = name
        profiles = data.setdefault("profiles", {})
        if isinstance(profiles.get(name), dict):
            profiles[name]["base_url"] = base_url
            profiles[name]["api_key"] = key.reveal()
        else:
            profiles[name] = {"base_url": base_url, "api_key": key.reveal()}

    # ASCII strings of JSON are strings of TOML.
    table = Secret(f"[profiles.{name}]\nbase_url = {json.dumps(base_url)}\napi_key = {json.dumps(key.reveal())}\n")
    return _rewrite(change, name, table)


def set_default(name: str) -> Path:
    """Write which profile new kernels use, and return where.

    Raises:
        InputError: The home can't be written to.
        ProfileError: The file can't be read or written. Nothing was changed.
    """

    def change(data: Any) -> None:
        data["default"] = name

    return _rewrite(change, name, Secret(""))


class _Problem(str):
    """What is wrong with the file, as the rest of a sentence that begins with its path."""


def _text(path: Path) -> Secret | _Problem:
    """Return the file's text, empty where there is no file."""
    try:
        with path.open("rb") as file:
            # Windows keeps who may read a file elsewhere, and calls every file readable by all.
            if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                return _Problem(f"holds keys and can be read by others. Run: chmod 600 {shlex.quote(str(path))}")
            return Secret(file.read().decode("utf-8"))
    except FileNotFoundError:
        return Secret("")
    except OSError as error:
        return _Problem(f"can't be read: {(error.strerror or str(error)).lower()}")
    except ValueError:
        return _Problem("can't be read as TOML: it is not UTF-8")


def _contents(path: Path, text: Secret) -> Contents | _Problem:
    if not text:
        return Contents(path)
    data = _parsed(text.reveal())
    if isinstance(data, _Problem):
        return data
    tables, default = data.get("profiles", {}), data.get("default")
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        return _Problem("can't be understood: profiles must be tables, [profiles.NAME]")
    if not isinstance(default, str | None):
        return _Problem('can\'t be understood: default must be a name, default = "NAME"')
    return Contents(path, default, {name: _entry(table) for name, table in tables.items()})


def _entry(table: Mapping[str, object]) -> Entry:
    key = table.get("api_key")
    return Entry(table.get("base_url"), Secret(key) if isinstance(key, str) else None)


def _parsed(text: str) -> dict[str, Any] | _Problem:
    import tomllib  # only where there is a file

    try:
        return tomllib.loads(text)
    except ValueError as error:
        return _Problem(f"can't be read as TOML: {one_line(str(error), 200)}")
    except Exception as error:  # too deep, or a bug: whatever it is, it must not carry the text out
        return _Problem(f"can't be read as TOML ({type(error).__name__})")


def _unwritable(path: Path) -> str:
    """Return why the file must not be replaced; "" where it may."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:  # none there: it will be made
        return ""
    if stat.S_ISLNK(mode):
        # Where it points to may be a repository of settings, which is no place for a key.
        return "is a link, and a key is written only into a file of its own. Put a file there in its place"
    return "" if mode & stat.S_IWUSR else "is read-only and was left as it is"


def _rewrite(change: Callable[[Any], None], default: str, table: Secret) -> Path:
    home = home_dir()
    path = home / NAME
    try:
        with _alone(home):
            problem = _unwritable(path) or _replaced(path, change, default, table)
    except OSError as error:
        problem = f"can't be written: {error.strerror or error}"
    if problem:
        raise ProfileError(f"{path} {problem}")
    return path


def _replaced(path: Path, change: Callable[[Any], None], default: str, table: Secret) -> str:
    """Replace the file by one that says what `change` makes of it; return what is in the way, "" for nothing."""
    from runloop_jupyter.atomic import write_atomic

    before = _text(path)
    if isinstance(before, _Problem):
        return before
    text = before.reveal()
    data = _parsed(text)
    if isinstance(data, _Problem):
        return data
    try:
        change(data)
        after = next((each for each in _edited(text, change, default, table.reveal()) if _parsed(each) == data), None)
        if after is None:
            return f"is written in a way that can't be added to. Write [profiles.{default}] into it by hand"
        write_atomic(path, after.encode())
    except OSError as error:
        return f"can't be written: {error.strerror or error}"
    except Exception as error:
        return f"can't be added to ({type(error).__name__}). Write [profiles.{default}] into it by hand"
    return ""


def _edited(text: str, change: Callable[[Any], None], default: str, table: str) -> Iterator[str]:
    """Yield texts that may say what `change` makes of `text`. TOML's editor mistakes some of its rarer forms."""
    import tomlkit  # 40 ms, only where a profile is written
    from tomlkit.exceptions import TOMLKitError

    newline = "\r\n" if "\r\n" in text else "\n"
    if not text:
        text = _NEW
    parsed = _parsed(text)
    if not isinstance(parsed, _Problem) and "default" not in parsed:
        # Before the first table: behind one it would be that table's.
        head = _HEAD.match(text)
        place = head.end() if head else 0
        text = f'{text[:place]}default = "{default}"{newline}{text[place:]}'
    try:
        document = tomlkit.parse(text)
        if "profiles" not in document and table:
            document["profiles"] = tomlkit.table(is_super_table=True)
        change(document)
        yield tomlkit.dumps(document)
    except (TOMLKitError, LookupError, TypeError, ValueError):
        pass
    end = "" if text.endswith("\n") else newline
    yield f"{text}{end}{newline}{table}".replace("\r\n", "\n").replace("\n", newline) if table else text


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the lock under which the file is replaced.

    Raises:
        OSError: Somebody else holds it for too long.
    """
    if sys.platform == "win32":  # the file is whole all the same; of two at once, the last one's profile is in it
        yield
        return
    import fcntl

    fd = os.open(home / "profiles.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError(0, "another kernel is writing it. Try again") from None
                time.sleep(0.02)
            except OSError:  # a home on a filesystem without locks
                break
        yield
    finally:
        os.close(fd)
