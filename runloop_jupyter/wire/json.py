"""Structs to JSON and back. A `Secret` is a plain string on the wire and nowhere else."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from runloop_jupyter.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Hashable

T = TypeVar("T")


def _from_wire(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError(kind)


def _to_wire(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value))


_encoder = msgspec.json.Encoder(enc_hook=_to_wire)


@cache
def _decoder(kind: object) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=_from_wire)


def encode(value: object) -> bytes:
    """Return `value` (a struct, or plain data) as UTF-8 JSON."""
    return _encoder.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """Return `data` as a `kind`; unknown fields are passed over.

    A page with lone surrogates in a string (legal in JSON, refused by msgspec) is read by the standard library, the
    surrogates replaced by U+FFFD, so that one odd name doesn't hide a listing.

    Raises:
        ValueError: Not JSON, or not of this shape. The message names the place, not the content.
    """
    try:
        return cast("T", _decoder(cast("Hashable", kind)).decode(data))
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        try:
            plain = json.loads(data)
        except RecursionError:
            raise ValueError("nested too deeply") from None
    return msgspec.convert(_without_surrogates(plain), kind, dec_hook=_from_wire)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    return value
