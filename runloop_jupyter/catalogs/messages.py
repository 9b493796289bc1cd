"""What the kernel and the process that keeps a catalog say to each other: JSON in frames, over one socket.

The kernel begins with `Begin`; each question after that has a number and is answered once under it, with what it asks
for or `Failed`. Events are under number 0, and are a `Freshness`. The end of the socket is the end of the process.
"""

from __future__ import annotations

import msgspec

from runloop_jupyter.secret import Secret  # noqa: TC001 - msgspec reads annotations at run time
from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, SuggestAsked  # noqa: TC001 - as above
from runloop_jupyter.wire.objects import ObjectView  # noqa: TC001 - as above


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Keep the catalog of a store; answered by `Done`.

    Attributes:
        identity: Of the store.
        label: The store, as a person reads it.
        base_url: Where it answers.
        key: The account's key. It travels here and nowhere else.
        directory: Where catalogs are kept, absolute.
    """

    identity: str
    label: str
    base_url: str
    key: Secret
    directory: str


class Page(msgspec.Struct, frozen=True, tag="page"):
    """Answered by a `PageView`."""

    asked: PageAsked


class Facets(msgspec.Struct, frozen=True, tag="facets"):
    """Answered by a `BrowseFacetsView`."""

    asked: FacetsAsked


class Suggest(msgspec.Struct, frozen=True, tag="suggest"):
    """Answered by a `SuggestView`."""

    asked: SuggestAsked


class Keys(msgspec.Struct, frozen=True, tag="keys"):
    """Which metadata keys are in use; answered by a list of key and count."""


class Fresh(msgspec.Struct, frozen=True, tag="fresh"):
    """How far the store is known; answered by a `Freshness`."""


class Refresh(msgspec.Struct, frozen=True, tag="refresh"):
    """Look for new ones now; answered by `Done` at once.

    Attributes:
        whole: Go through all of the store again.
    """

    whole: bool = False


class Changed(msgspec.Struct, frozen=True, tag="changed"):
    """This kernel put or deleted an object, and this is what the store answered; answered by `Done`."""

    view: ObjectView


class Online(msgspec.Struct, frozen=True, tag="online"):
    """Whether the service may be asked; answered by `Done`.

    Attributes:
        why_not: Why it may not, on one line; None where it may.
    """

    why_not: str | None = None


class Listen(msgspec.Struct, frozen=True, tag="listen"):
    """Whether events are wanted; answered by `Done`."""

    on: bool


class Done(msgspec.Struct, frozen=True):
    """It is done."""


class Failed(msgspec.Struct, frozen=True):
    """It couldn't be done.

    Attributes:
        kind: The error's name in `errors`.
        why: What happened and what to do, on one line.
        status: HTTP status code, where a store answered with an error.
        request_id: The ``x-request-id`` of that call.
    """

    kind: str
    why: str
    status: int = 0
    request_id: str | None = None


Asked = Begin | Page | Facets | Suggest | Keys | Fresh | Refresh | Changed | Online | Listen
