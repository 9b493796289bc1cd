"""One of each output, a notebook cell from mark to mark: what the tests look at, and a person after a change."""

# %%
import time

from IPython.display import display

from runloop_jupyter.display.card import Card
from runloop_jupyter.display.fact import Fact
from runloop_jupyter.display.help import HelpPage
from runloop_jupyter.display.info import InfoPage, Preview
from runloop_jupyter.display.line import Line
from runloop_jupyter.display.progress import ProgressSnapshot, progress_html
from runloop_jupyter.display.table import Column, Table
from runloop_jupyter.errors import ObjectNotFound

# %%
Line(["runloop: embedded store on this computer (no key)", "%rl for help"])

# %%
Card(
    "penguins",
    facts=["table", "344 × 7", Fact("14.2 KiB", "size"), "embedded store"],
    second=[
        "project=birds",
        Fact("expires 2026-12-23 14:05 UTC", "time"),
        Fact("replaces a version put 2026-11-02 (same name, other bytes)", "time"),
    ],
    code=["df = %rl_get penguins", Fact("penguins@20261123T140511Z-3fa9c", "id")],
    warnings=["deleting is the only way to take it back: metadata is permanent"],
)

# %%
snapshot = ProgressSnapshot("scans", "sending", 2_040_109_466, 4_402_341_478, time.monotonic(), rate=231e6)
display({"text/html": progress_html(snapshot, 11)}, raw=True)

# %%
Table(
    [
        Column("name"),
        Column("size", "size"),
        Column("shape"),
        Column("put (UTC)", "time"),
        Column("expires (UTC)", "time"),
        Column("model"),
        Column("acc", "number"),
    ],
    [
        [
            ["runs/2026-11/val_metrics", Fact("×3", tone="quiet")],
            "4.1 MiB",
            "48,000 × 9",
            "2026-11-23 14:05",
            "",
            "resnet50",
            "0.913",
        ],
        [
            ["runs/2026-11/weights.safetensors", Fact("×2", tone="quiet")],
            "97.8 MiB",
            "",
            "2026-11-23 14:03",
            Fact("2026-11-29 14:03", tone="warn"),
            "resnet50",
            None,
        ],
        [
            "runs/2026-10/checkpoints.tar.gz",
            "1.9 GiB",
            "",
            "2026-11-05 09:41",
            Fact("2026-11-24 21:12", tone="warn"),
            "resnet50",
            None,
        ],
    ],
    footer=["3 of 3 objects", "looked at all 8,214"],
)

# %%
Table([Column("name")], [], footer=["looked at all 8,214"], empty="no object matches runs/2027*")

# %%
InfoPage(
    Card("penguins", facts=["table", "344 × 7", Fact("14.2 KiB", "size"), "embedded store"]),
    facts=[
        ("id", Fact("obj_01JD9Y3M7Q8ZK2", "id")),
        ("put", Fact("2026-11-23 14:05 UTC", "time")),
        ("digest", "blake3:9f2c4e6d1b7a0c35"),
        ("metadata", "project=birds"),
    ],
    versions=Table(
        [Column("version", "id"), Column("size", "size"), Column("put (UTC)", "time"), Column("state")],
        [
            ["penguins@20261123T140511Z-3fa9c", "14.2 KiB", "2026-11-23 14:05", "newest"],
            ["penguins@20261102T081500Z-b01e7", "13.9 KiB", "2026-11-02 08:15", ""],
        ],
    ),
    schema=Table([Column("column"), Column("type")], [["species", "string"], ["bill_length_mm", "double"]]),
    head=Table([Column("species"), Column("bill_length_mm", "number")], [["Adelie", "39.1"], ["Adelie", "39.5"]]),
    preview=Preview("def main():\n\treturn 0\n", "first 2 of 120 lines"),
)

# %%
HelpPage(
    [
        ("%rl_put WHAT [-n NAME] [-m k=v …] [--ttl 7d]", "put a variable, file or folder"),
        ("df = %rl_get WHAT", "get it back"),
        ("%rl_ls [PATTERN] [-w k=v …] [--since 30d]", "list what is stored"),
    ],
    status=["embedded store on this computer", "3 objects", "4.2 MiB"],
    more="%rl_put? shows help with examples",
)

# %%
hostile = [
    "<img src=x onerror=alert(1)>",
    "$x^2$ and \\(y\\)",
    "invoice\u202efdp.exe",
    "שלום.csv",
    "two\nlines \x1b[31mred",
    "data/" + "deep/" * 40 + "end.parquet",
    "表/数据.csv",
]
display(Card(hostile[0], facts=hostile[1:], second=[f"k={hostile[0]}"], code=hostile[:2], warnings=hostile[:1]))
Table([Column("<b>name</b>"), Column("size", "size")], [[name, "1 B"] for name in hostile], footer=hostile[:1])

# %%
raise ObjectNotFound("no object is named “pengiuns” in the embedded store. Close: penguins. Try %rl_ls pen*")
