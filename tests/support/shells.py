"""A real IPython shell with the extension loaded."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def open_shell() -> Iterator[Any]:
    """Load the extension into a shell, and take both away at the end."""
    shell = InteractiveShell.instance(colors="nocolor")
    shell.run_line_magic("load_ext", "runloop_jupyter")
    try:
        yield shell
    finally:
        shell.run_line_magic("unload_ext", "runloop_jupyter")
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()


class Ran:
    """What came of a cell: its value, its error, what it wrote, the text of what it displayed."""

    def __init__(self, result: Any, captured: Any) -> None:
        self.error = result.error_in_exec or result.error_before_exec
        self.value = result.result
        self.out = captured.stdout
        self.err = captured.stderr
        self.displayed = [each.data.get("text/plain", "") for each in captured.outputs]


def run_cell(shell: Any, code: str) -> Ran:
    """Run a cell as a notebook does."""
    with capture_output() as captured:
        result = shell.run_cell(code, store_history=True)
    return Ran(result, captured)


def ok(ran: Ran) -> Any:
    """Return the value of a cell that must not fail."""
    assert ran.error is None, ran.error
    return ran.value
