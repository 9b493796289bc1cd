"""How long an embedded store with a million objects takes to answer, asked over HTTP as any client would.

A million objects with 14 metadata pairs each are written once (some minutes, 2 GB and a million empty files) and kept
where ``--store`` says. A real `runloop-local serve` then answers each kind of query in turns; for each the median, the
95th percentile and the store's computing time are printed beside the bytes that came back and the most memory that the
store has had so far. Of what browsers ask, which the store remembers, the first answer is told beside, and how long it
takes until somebody who keeps asking knows all.

    python benchmarks/store_scale.py --store /var/tmp/million
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from many_objects import DAY_MS, oldest_first, write_store

from runloop_jupyter.conditions import Condition
from runloop_jupyter.local import launch
from runloop_jupyter.wire.browse import FacetsAsked, PageAsked, Query, Span, SuggestAsked
from runloop_jupyter.wire.json import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runloop_jupyter.wire.objects import ObjectView

HOME = Path(__file__).parents[1]
N = 1_000_000
ROUNDS = 30
# A kind of query that takes long is asked for this long and no more.
SECONDS = 12.0
# What a person sees first, measured also while the store looks through its files.
EARLY = ("newest 20", "newest 5,000")
KEY = "key-of-the-benchmark"
LIST, FACETS, KEYS = "/v1/objects", "/v1/objects/metadata/facets", "/v1/objects/metadata/keys"


def lasting(n: int) -> Iterator[ObjectView]:
    """Yield objects whose time comes in ten years: the store is kept, and sweeping it isn't what is measured."""
    for view in oldest_first(n, round(time.time() * 1000)):
        ends = view.delete_after_time_ms
        yield view if ends is None else msgspec.structs.replace(view, delete_after_time_ms=ends + 3650 * DAY_MS)


class Daemon:
    """A store process, and one connection to it that is kept."""

    def __init__(self, root: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RUN")}
        environment |= {"RUNLOOP_LOCAL_KEY": KEY}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), str(HOME)]))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runloop_jupyter.local.cli", "serve", "--root", str(root)],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        self.root, self.began = root, time.monotonic()
        state = root / "daemon.json"
        deadline = time.monotonic() + 60
        while not state.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the store doesn't start")
            time.sleep(0.05)
        self.connection = http.client.HTTPConnection("127.0.0.1", json.loads(state.read_text())["port"], timeout=120)

    def get(self, path: str, **params: Any) -> tuple[int, bytes]:
        """Return status and body."""
        query = urlencode(params, doseq=True)
        self.connection.request("GET", f"{path}?{query}", headers={"Authorization": f"Bearer {KEY}"})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body."""
        self.connection.request("POST", path, body, {"Authorization": f"Bearer {KEY}"})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def is_checking(self) -> bool:
        """Whether it still holds its files against its list of objects, which a large store does while it serves."""
        status = launch.status(self.root)
        return status is not None and bool(status["checking"])

    def cpu_seconds(self) -> float:
        """Return how long the process has computed, which tells more than a clock on a machine that others use too."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """Return the most memory that the process has had resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def close(self) -> None:
        """Stop it."""
        self.connection.close()
        self.process.terminate()
        self.process.wait(30)


def queries(daemon: Daemon) -> dict[str, tuple[str, Callable[[], dict[str, Any]]]]:
    """Return, by name, the path and what makes the parameters of one call."""
    chance = random.Random(3)
    some = json.loads(daemon.get(LIST, limit=5000, state="READ_ONLY", include_total_count="false")[1])["objects"]
    deep = [some[-1]["id"]]
    for _ in range(60):
        page = json.loads(daemon.get(LIST, limit=5000, starting_after=deep[-1], include_total_count="false")[1])
        if not page["objects"]:
            break
        deep.append(page["objects"][-1]["id"])

    def listed(**params: Any) -> tuple[str, Callable[[], dict[str, Any]]]:
        return LIST, lambda: {"include_total_count": "false", **params}

    def of_one(make: Callable[[dict[str, Any]], dict[str, Any]]) -> tuple[str, Callable[[], dict[str, Any]]]:
        return LIST, lambda: {"include_total_count": "false", **make(chance.choice(some))}

    whole = {"state": "READ_ONLY"}
    vit = {"metadata[model]": "vit", **whole}
    return {
        "newest 20": listed(),
        "newest 20, READ_ONLY": listed(**whole),
        "newest 5,000": listed(limit=5000),
        "20 after a cursor": (LIST, lambda: {"include_total_count": "false", "starting_after": chance.choice(deep)}),
        "5,000 after a cursor": (
            LIST,
            lambda: {"include_total_count": "false", "limit": 5000, "starting_after": chance.choice(deep)},
        ),
        "name, rare": of_one(lambda each: {"name": each["name"]}),
        "name, common": listed(name="resnet50", **whole),
        "name, common, 5,000": listed(name="resnet50", limit=5000, **whole),
        "name, no hit": listed(name="resnet51"),
        "name, common trigrams, no hit": listed(name="val/runs"),
        "name, 2 letters, hit": listed(name="vi"),
        "name, 2 letters, no hit": listed(name="qz"),
        "name, 1 letter, no hit": listed(name="q"),
        "search, name": listed(search="swin-0012"),
        "search, id": of_one(lambda each: {"search": each["id"]}),
        "search, part of id": of_one(lambda each: {"search": each["id"][:10]}),
        "search, 2 letters, no hit": listed(search="qz"),
        "content_type": listed(content_type="binary"),
        "content_type, no hit": listed(content_type="tgz"),
        "state, rare, 5,000": listed(state="UPLOADING", limit=5000),
        "state and content_type, no hit": listed(state="UPLOADING", content_type="text"),
        "metadata, common": listed(**vit),
        "metadata, common, 5,000": listed(limit=5000, **vit),
        "metadata, unique": of_one(lambda each: {"metadata[note]": each["metadata"]["note"]}),
        "metadata, no such value": listed(**{"metadata[model]": "none"}),
        "metadata, in, common": listed(**{"metadata[model][in]": "vit,unet,mlp", **whole}),
        "metadata, in, rare": listed(**{"metadata[epoch][in]": "3,77,120", **whole}),
        "metadata, three": listed(**vit, **{"metadata[user]": "ada", "metadata[epoch]": "77"}),
        "metadata, two, no hit": listed(**{"metadata[rl.kind]": "table", "metadata[rl.format]": "npy"}),
        "name and metadata": listed(name="unet-0", **vit),
        "name and metadata, rare": listed(name="runs/07/vit-0123", **vit),
        "name, metadata, state, no hit": listed(name="val", state="DELETED", **{"metadata[model]": "vit"}),
        "count, all": listed(include_total_count="true"),
        "count, READ_ONLY": listed(include_total_count="true", **whole),
        "count, metadata and state": listed(include_total_count="true", **vit),
        "count, name, common": listed(include_total_count="true", name="resnet50"),
        "count, name, 2 letters": listed(include_total_count="true", name="vi"),
        "count, two metadata": listed(include_total_count="true", **vit, **{"metadata[user]": "ada"}),
        "keys": (KEYS, dict),
        "keys, counts": (KEYS, lambda: {"include_counts": "true"}),
        "values, 5, counts": (f"{KEYS}/model/values", lambda: {"include_counts": "true"}),
        "values, 940,000": (f"{KEYS}/note/values", dict),
        "values, 940,000, counts": (f"{KEYS}/note/values", lambda: {"include_counts": "true"}),
        "facets, all, 3 keys": (FACETS, lambda: {"key": ["model", "user", "epoch"], **whole}),
        "facets, all, unique": (FACETS, lambda: {"key": "note", **whole}),
        "facets, 200,000, 1 key": (FACETS, lambda: {"key": "user", **vit}),
        "facets, 200,000, 5 keys": (FACETS, lambda: {"key": ["user", "lr", "epoch", "host", "note"], **vit}),
        "facets, 3,000, 5 keys": (
            FACETS,
            lambda: {"key": ["user", "lr", "model", "host", "note"], **whole, "metadata[epoch]": "77"},
        ),
        "facets, 2 letters, no hit": (FACETS, lambda: {"key": "user", "name": "qz"}),
        "facets, name, common": (FACETS, lambda: {"key": "user", "name": "resnet50"}),
    }


def browsed(daemon: Daemon) -> dict[str, Callable[[], tuple[str, object]]]:
    """Return, by name, what makes one question of a browser's: the last part of its path, and its body."""
    chance = random.Random(4)
    some = json.loads(daemon.get(LIST, limit=5000, state="READ_ONLY", include_total_count="false")[1])["objects"]
    now = round(time.time() * 1000)
    ages = [now - days * DAY_MS for days in (365, 90, 30, 7, 1)]

    def page(first: int = 0, **query: Any) -> Callable[[], tuple[str, object]]:
        return lambda: ("page", PageAsked(query=Query(**query), first=first))

    def of_one(make: Callable[[dict[str, Any]], Query]) -> Callable[[], tuple[str, object]]:
        return lambda: ("page", PageAsked(query=make(chance.choice(some))))

    def facets(**query: Any) -> Callable[[], tuple[str, object]]:
        return lambda: (
            "facets",
            FacetsAsked(
                query=Query(**query), sizes=[1 << 10, 1 << 20, 1 << 30], puts=ages, expiries=[now + 7 * DAY_MS]
            ),
        )

    def suggest(*texts: str) -> Callable[[], tuple[str, object]]:
        return lambda: ("suggest", SuggestAsked(text=chance.choice(texts)))

    vit = {"where": {"model": ["vit"]}}
    return {
        "page, newest": page(),
        "page, every version": page(folded=False),
        "page, row 400,000": page(first=400_000),
        "page, oldest": page(descending=False),
        "page, by name": page(order="name", descending=False),
        "page, by size": page(order="size"),
        "page, by size, row 400,000": page(first=400_000, order="size"),
        "page, by expiry": page(order="expires", descending=False),
        "page, by metadata, 5 values": page(order="metadata", key="model"),
        "page, by metadata, numbers": page(order="metadata", key="acc"),
        "page, by metadata, 940,000": page(order="metadata", key="note"),
        "page, search, common": page(search="resnet50"),
        "page, search, in all": page(search="val"),
        "page, search, rare": of_one(lambda each: Query(search=each["name"][5:-4])),
        "page, search, any 5 letters": of_one(lambda each: Query(search=each["name"][chance.randrange(12) :][:5])),
        "page, search, id": of_one(lambda each: Query(search=each["id"])),
        "page, search, no hit": page(search="qz"),
        "page, search, by name": page(search="unet", order="name", descending=False),
        "page, beneath": page(beneath="runs/03/"),
        "page, beneath, rare": of_one(lambda each: Query(beneath=each["name"][:-4])),
        "page, where": page(**vit),
        "page, where, by metadata": page(order="metadata", key="acc", **vit),
        "page, where three": page(where={"model": ["vit"], "user": ["ada"], "dataset": ["coco"]}),
        "page, where, unique": of_one(lambda each: Query(where={"note": [each["metadata"]["note"]]})),
        "page, acc > 0.9": page(conditions=[Condition("acc", ">", ("0.9",))]),
        "page, of a week": page(put=Span(since=ages[3])),
        "page, large ones": page(size=Span(since=1 << 29)),
        "page, deleted": page(state="DELETED"),
        "facets, all": facets(),
        "facets, where": facets(**vit),
        "facets, where two": facets(where={"model": ["vit"], "user": ["ada"]}),
        "facets, search, common": facets(search="resnet50"),
        "facets, search, rare": facets(search="swin-0012"),
        "facets, beneath": facets(beneath="runs/03/"),
        "facets, acc > 0.9": facets(conditions=[Condition("acc", ">", ("0.9",))]),
        "suggest, key": suggest("m", "mod", "ep", "da"),
        "suggest, value": suggest("model=", "model=re", "host=node-1", "note=run 5", "note=77", "acc=0.9"),
        "suggest, name": suggest("resnet50", "swin-0012", "vi", "val", "qz", "runs/03/"),
    }


def said(status: int, body: bytes) -> str:
    """Return what is worth knowing of an answer."""
    if status != 200:
        return f"status {status}"
    answer = json.loads(body) if len(body) < 10_000_000 else {}
    if "complete" in answer:
        return f"{answer['objects']:,} counted{'' if answer['complete'] else ', a lower bound'}"
    if "suggestions" in answer:
        return f"{len(answer['suggestions'])} suggestions"
    if "rows" in answer:
        return f"{len(answer['rows'])} rows of {answer['total']:,}{'' if answer['exact'] else ' so far'}"
    if "objects" in answer:
        total = "" if answer["total_count"] is None else f" of {answer['total_count']:,}"
        return f"{len(answer['objects']):,} objects{total}"
    return ""


def measure(daemon: Daemon, name: str, path: str, params: Callable[[], dict[str, Any]]) -> None:
    """Ask again and again, and print how long it took."""
    daemon.get(path, **params())
    times: list[float] = []
    began, computed = time.monotonic(), daemon.cpu_seconds()
    while len(times) < ROUNDS and (len(times) < 2 or time.monotonic() - began < SECONDS):
        call = params()
        started = time.perf_counter()
        status, body = daemon.get(path, **call)
        times.append((time.perf_counter() - started) * 1000)
    cpu = (daemon.cpu_seconds() - computed) / len(times) * 1000
    cuts = quantiles(times, n=20, method="inclusive")
    print(
        f"{name:36} {cuts[9]:8.1f} {cuts[18]:8.1f} {cpu:8.1f}    {len(body) / 1024:8.0f}"
        f"   {daemon.peak_mib():.0f}   {said(status, body)}",
        flush=True,
    )


def measure_browsed(daemon: Daemon, name: str, make: Callable[[], tuple[str, object]]) -> None:
    """Ask for the first time, until all is known, and again and again; print how long it took."""

    def ask() -> tuple[float, dict[str, Any], bytes]:
        what, asked = make()
        started = time.perf_counter()
        status, body = daemon.post(f"/v1/objects/browse/{what}", encode(asked))
        took = (time.perf_counter() - started) * 1000
        if status != 200:
            raise SystemExit(f"{name}: status {status}: {body[:300]!r}")
        return took, json.loads(body), body

    began = time.perf_counter()
    first, answer, body = ask()
    early = said(200, body)
    while not answer.get("exact", answer.get("complete", True)):
        time.sleep(0.02)
        _, answer, _ = ask()
    whole = (time.perf_counter() - began) * 1000
    times = sorted(ask()[0] for _ in range(ROUNDS))
    print(
        f"{name:30} {first:8.1f} {whole:8.1f} {times[len(times) // 2]:8.1f} {times[-2]:8.1f} {len(body) / 1024:8.0f}"
        f"   {daemon.peak_mib():.0f}   {early}",
        flush=True,
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--store", type=Path, default=Path(tempfile.gettempdir()) / "runloop-million")
    options.add_argument("--objects", type=int, default=N)
    options.add_argument("--only", default="", help="kinds with this in their name")
    chosen = options.parse_args()
    if not (chosen.store / "store.db").exists():
        started = time.monotonic()
        new = chosen.store.with_name(chosen.store.name + ".new")
        write_store(new, lasting(chosen.objects))
        new.rename(chosen.store)
        print(f"{chosen.objects:,} objects written in {time.monotonic() - started:.0f} s")
    daemon = Daemon(chosen.store)
    try:
        print(f"{'':36} {'p50':>8} {'p95':>8} {'cpu':>8} ms {'KB':>8}   MiB")
        kinds = {name: kind for name, kind in queries(daemon).items() if chosen.only in name}
        if daemon.is_checking():
            for name in [each for each in EARLY if each in kinds]:
                measure(daemon, f"at the start: {name}", *kinds[name])
            while daemon.is_checking():
                time.sleep(0.1)
            print(f"all files looked at after {time.monotonic() - daemon.began:.0f} s")
        for name, kind in kinds.items():
            measure(daemon, name, *kind)
        print(f"\n{'':30} {'first':>8} {'whole':>8} {'p50':>8} {'p95':>8} ms {'KB':>5}   MiB")
        for name, make in browsed(daemon).items():
            if chosen.only in name:
                measure_browsed(daemon, name, make)
    finally:
        daemon.close()


if __name__ == "__main__":
    main()
