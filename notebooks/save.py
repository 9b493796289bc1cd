"""Run the tutorials and save them with what they show, as somebody reads them who doesn't run them.

python notebooks/save.py [NOTEBOOK …]
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def main() -> int:
    """Run and save each notebook."""
    for path in [Path(name) for name in sys.argv[1:]] or sorted(HERE.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(
            notebook,
            timeout=120,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(HERE)}},
        ).execute()
        for cell in notebook.cells:
            if cell.cell_type == "code":
                # Of progress that was shown while a first put started the store, an output without content is left.
                cell.outputs = [output for output in cell.outputs if output.get("data", True)]
        nbformat.write(notebook, path)
        print(f"saved {path.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
