"""SVG pictures, of objects that show themselves as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from runloop_jupyter.errors import UnsafeValue, UnsupportedValue
from runloop_jupyter.values import rich
from runloop_jupyter.values.codec import JSON, Checkpoint, Preview, Wish, check_form, type_name
from runloop_jupyter.values.libraries import need
from runloop_jupyter.values.svg_text import activity
from runloop_jupyter.values.text import CHUNK, head_text, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping


class SvgCodec:
    """What shows itself as SVG: ``IPython.display.SVG``, graphviz, charts. It comes back as ``IPython.display.SVG``.

    Nothing here draws it or puts it into a page. A notebook does when it shows the value, so one that holds scripts
    comes back only with ``trust``.
    """

    format = "svg"
    kind = "image"
    content_type = "text"
    suffix = ".svg"
    summary = "what shows itself as SVG (comes back as IPython.display.SVG)"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of this codec's types: asks it for its picture."""
        return rich.picture(value, rich.SVG) is not None

    def encode(self, value: object, file: BinaryIO, checkpoint: Checkpoint) -> dict[str, JSON]:
        """Write `value` to `file`; see `Codec.encode`."""
        data = rich.picture(value, rich.SVG)
        if data is None:
            raise UnsupportedValue(f"a {type_name(value)} shows no SVG of itself")
        for start in range(0, len(data), CHUNK):
            file.write(data[start : start + CHUNK])
            checkpoint()
        name = type_name(value)
        facts: dict[str, JSON] = {"type": name}
        if name != "IPython.SVG":
            facts["note"] = f"the picture that the {name} shows is stored, not the {name}"
        return facts

    def decode(self, file: BinaryIO, facts: Mapping[str, JSON], wish: Wish, checkpoint: Checkpoint) -> object:
        """Return the picture in `file`; see `Codec.decode`."""
        check_form(wish.form, self.format, ("image", "text"))
        text = read_text(file, "the stored SVG", checkpoint)
        if wish.form == "text":
            return text
        if (active := activity(file, checkpoint)) and not wish.trust:
            raise UnsafeValue(
                f"the stored SVG holds {active}, which can run code where it is shown; if you trust its maker, add"
                " --trust (trust=True), or take it as text"
            )
        return need("IPython.display", "or --as text").SVG(text)

    def peek(self, file: BinaryIO, facts: Mapping[str, JSON]) -> Preview | None:
        """Return the beginning of its text."""
        text = head_text(file)
        return None if text is None else Preview(text=text)
