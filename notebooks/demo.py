"""Run the quickstart as a reader would, on an embedded store of its own, and print what happened.

python notebooks/demo.py [NOTEBOOK]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).parent


def main() -> int:
    """Run the notebook and return the exit code: 0 where every cell did what it should."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "01-quickstart.ipynb"
    with tempfile.TemporaryDirectory(prefix="runloop-demo-") as home:
        # A demonstration leaves nothing in the user's own store, and needs no key.
        for name in [name for name in os.environ if name.startswith(("RUNLOOP_", "RUNTOOLS_"))]:
            del os.environ[name]
        os.environ |= {"RUNLOOP_JUPYTER_HOME": f"{home}/data", "RUNLOOP_JUPYTER_CACHE": f"{home}/cache"}
        try:
            return run(path)
        finally:
            from runloop_jupyter.local import launch

            launch.stop()


def run(path: Path) -> int:
    """Run each cell and print its source and what came of it."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # a kernel's own remarks are not what the reader came for
        resources={"metadata": {"path": str(HERE)}},
    )
    began = time.monotonic()
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "markdown":
                if cell.source.startswith("#"):
                    print(f"\n{cell.source.splitlines()[0]}")
                continue
            print("\n" + "\n".join(f"  > {line}" for line in cell.source.splitlines()), flush=True)
            try:
                client.execute_cell(cell, index)
            except CellExecutionError:
                print_outputs(cell)
                print(f"\n{path.name}: cell {index} failed")
                return 1
            print_outputs(cell)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    print(f"\n{path.name}: {cells} cells ran in {time.monotonic() - began:.1f} s; the store is gone again")
    return 0


def print_outputs(cell: nbformat.NotebookNode) -> None:
    """Print the text of what a cell showed."""
    for output in cell.outputs:
        match output.output_type:
            case "stream":
                text = output.text
            case "error":
                text = "\n".join(output.traceback)
            case _:
                text = output.data.get("text/plain", "")
        print("\n".join(f"    {line}" for line in text.rstrip().splitlines()))


if __name__ == "__main__":
    raise SystemExit(main())
