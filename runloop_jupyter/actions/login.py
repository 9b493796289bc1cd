"""login: a key is asked for without echo, tried, and kept in a profile."""

from __future__ import annotations

import getpass
import warnings
from typing import TYPE_CHECKING

from runloop_jupyter import profile as profiles
from runloop_jupyter import profile_file
from runloop_jupyter import session as sessions
from runloop_jupyter.actions.counted import count
from runloop_jupyter.actions.running import ask
from runloop_jupyter.actions.use import InUse, precedence
from runloop_jupyter.display import humane
from runloop_jupyter.errors import InputError, Interrupted, RunloopError, StoreError, Unauthorized, Unreachable
from runloop_jupyter.profile import Profile
from runloop_jupyter.secret import Secret
from runloop_jupyter.wire.objects import ObjectState

if TYPE_CHECKING:
    from runloop_jupyter.session import Session, Store
    from runloop_jupyter.transfer.transfer import Transfer


def login(profile: str = "hosted", *, url: str | None = None) -> InUse:
    """Ask for an account's key, try it, keep it under `profile` in ``profiles.toml`` and use it from now on.

    The key is typed where nothing shows or keeps it, so there is no argument for it: a notebook would. Where nobody
    can be asked, it belongs into the environment.

    Args:
        profile: What to call it: letters, digits, ``-`` and ``_``, at most 40. One of that name is replaced.
        url: The service's URL; by default the one that the profile has, else Runloop's own.

    Raises:
        InputError: Nobody can be asked, or nothing was typed.
        ProfileError: The name or the URL can't be one, or the profile can't be kept.
        Unauthorized: The key is refused.
        Unreachable: The service doesn't answer.
        Interrupted: Ctrl-C. After this and any other error nothing was kept, and the profile is as it was.

    Example:
        >>> rl.login("work")  # doctest: +SKIP
    """
    name = profiles.checked_name(profile)
    profile_file.check_writable()
    contents = profile_file.read()
    if url is None and name in contents.profiles:
        url = str(contents.profiles[name].base_url or profiles.HOSTED_URL)
    base_url = profiles.checked_url(profiles.HOSTED_URL if url is None else url, "the URL (--url)")
    wanted = Profile(name, profile_file.NAME, base_url, _asked(name, base_url))
    session = sessions.current()
    is_first = not contents.profiles
    return ask(f"login of {name}", lambda asking: _login(session, wanted, is_first, asking))


def _asked(name: str, base_url: str) -> Secret:
    """Return the key that somebody types. It is a `Secret` at once, so that no frame holds it bare."""
    prompt = f"API key for {base_url} (profile {name}): "
    try:
        with warnings.catch_warnings():
            # Where it can't switch the echo off, getpass would warn and read all the same.
            warnings.simplefilter("error", getpass.GetPassWarning)
            # By its module: a kernel puts its own in that place while a cell runs.
            key = Secret(getpass.getpass(prompt).strip())
    except KeyboardInterrupt:
        raise Interrupted("login was stopped; nothing was kept") from None
    except (EOFError, OSError, RuntimeError, NotImplementedError, getpass.GetPassWarning):
        raise InputError(
            "nobody can be asked for the key here. Set RUNLOOP_API_KEY in the environment (and RUNLOOP_BASE_URL where "
            "it isn't the hosted service)"
        ) from None
    if not key:
        raise InputError("no key was given; nothing was kept")
    return profiles.checked_key(key)


def _login(session: Session, wanted: Profile, is_first: bool, asking: Transfer) -> InUse:
    assert wanted.base_url is not None  # noqa: S101 - for the type checker: a login is of a service
    assert wanted.key is not None  # noqa: S101
    store = sessions.open_store(wanted)
    try:
        _try(store)
        asking.checkpoint()
        path = profile_file.keep(wanted.name, wanted.base_url, wanted.key)
    except BaseException:
        store.objects.service.close()
        raise
    session.use(wanted, store)
    left = _left_behind(session) if is_first else []
    return InUse(wanted, path, (*precedence(session), *left))


def _try(store: Store) -> None:
    """Make one call with the key.

    Raises:
        Unauthorized: It is refused.
        StoreError: The service has something else against it.
        Unreachable: No answer.
    """
    try:
        store.objects.list(limit=1, retries=1)
    except Unauthorized as error:
        said = f"{store.identity.label} refuses the key; nothing was kept. Copy it again, and see that it is for there"
        raise Unauthorized(said, status=401, request_id=error.request_id, details=error.details) from None
    except StoreError as error:
        raise type(error)(
            f"{error}. Nothing was kept", status=error.status, request_id=error.request_id, details=error.details
        ) from None
    except Unreachable as error:
        raise Unreachable(f"{error}. Nothing was kept") from None


def _left_behind(session: Session) -> list[str]:
    """Return where the objects of the embedded store are from now on, a line where there are any."""
    try:
        store = session.embedded_in_use()
        if store is None:
            return []
        total = count(store.objects, ObjectState.READ_ONLY)
    except RunloopError:  # whatever is the matter with it, the login is done
        return ["what the embedded store holds is reached as local:NAME, or after %rl_use local"]
    if not total:
        return []
    stay = humane.plural(total, "object stays", "objects stay")
    bring = "To bring one here: rl.put(rl.get('local:NAME'), 'NAME')"
    return [f"{stay} in the embedded store, reached as local:NAME or after %rl_use local. {bring}"]
