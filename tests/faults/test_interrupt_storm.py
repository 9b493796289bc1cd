"""Ctrl-C at any moment of a put or a get in a real kernel: it ends within a second and nothing half-done is anywhere.

``python tests/faults/test_interrupt_storm.py --long [N]`` interrupts N (120) times at moments drawn by a seed, and says
what came of it.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from kernels import Kernel
from leftovers import look

import runloop_jupyter as rl
from runloop_jupyter.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernels import Reply

WITHIN_S = 1.0
CLEANS_UP_S = 5.0
HANGS_S = 30.0
MIB = 1 << 20
STACKS = "stacks.txt"
BEGIN = """
import faulthandler, signal
faulthandler.register(signal.SIGUSR1, open({where!r} + "/stacks.txt", "w"))
%load_ext runloop_jupyter
import runloop_jupyter as rl, pathlib, time
import numpy as np, pandas as pd
rng = np.random.default_rng(7)
frame = pd.DataFrame({{f"x{{i}}": rng.normal(size={rows}) for i in range(5)}})
where = pathlib.Path({where!r})
rl.put(frame, "stored-frame")
rl.put(where / "large.bin", "large")
rl.put_all([*sorted((where / "many").iterdir())], "storm")
"""


@dataclass
class Sizes:
    """How much there is to be moved: what a test has time for, or what gives the moments room."""

    rows: int = 60_000
    large: int = 24 * MIB
    files: int = 20
    file: int = 200_000


@dataclass
class Act:
    """A cell that can be run again and again.

    Attributes:
        cell: What is run and interrupted.
        is_right: Whether, after it ended well, what it made is what it should be.
        target: The path that it makes; gone before each run.
        is_sound: Whether what is at `target` after an interrupt may be there; by default what is right may.
        before: A cell run first.
        is_magic: Whether it is a magic, of which an interrupt shows one line wherever it comes.
        goes_on: What is true, after an interrupt, of what goes on behind all the same.
    """

    cell: str
    is_right: Callable[[], bool]
    target: Path | None = None
    is_sound: Callable[[], bool] | None = None
    before: str = ""
    is_magic: bool = True
    goes_on: str = "True"
    usual_s: float = 0.0


class Storm:
    """One kernel, and the same acts in it over and over, each interrupted somewhere.

    Attributes:
        seen: What came of the interrupts.
        wrong: Each thing that should not be.
        slowest: Seconds from an interrupt to the end of its cell, at most.
    """

    def __init__(self, where: Path, kernel: Kernel, sizes: Sizes) -> None:
        self.seen: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest = 0.0
        self._where = where
        self._kernel = kernel
        make(where, sizes)
        self._must(BEGIN.format(rows=sizes.rows, where=str(where)))
        self.acts = self._listed()
        for name, act in self.acts.items():
            for _ in range(2):  # the first run imports what the others have
                self._prepare(act)
                act.usual_s = self._must(act.cell).seconds
            assert act.is_right(), name

    def interrupt(self, name: str, rng: random.Random) -> None:
        """Interrupt an act at a moment of its own, look around, and do it again undisturbed."""
        act, wrong = self.acts[name], len(self.wrong)
        self._prepare(act)
        moment = rng.uniform(0, 1.05) * act.usual_s
        message = self._kernel.start(act.cell)
        time.sleep(moment)
        self._kernel.manager.interrupt_kernel()
        reply = self._kernel_ends(message)
        said = self._judge(act, reply)
        if not self._says(act.goes_on):
            self.wrong.append("what goes on behind did not come whole")
        self._look_around(act)
        self._prepare(act)
        again = self._kernel_runs(act.cell)
        if again.status != "ok" or not act.is_right():
            self.wrong.append(f"the next run isn't right: {again.text[-300:]}")
        self._look_around(act)
        self.seen[f"{name}: {said}"] += 1
        self.wrong[wrong:] = [f"{name} at {moment:.3f} s of {act.usual_s:.3f}: {each}" for each in self.wrong[wrong:]]

    def _judge(self, act: Act, reply: Reply) -> str:
        """Return how the cell ended; what is wrong with that is written down."""
        if reply.status == "ok":  # before it began a kernel hears nothing; after its end there is nothing to stop
            return "came to its end"
        self.slowest = max(self.slowest, reply.seconds)
        if reply.seconds > WITHIN_S:
            late = f"{reply.seconds:.2f} s from the interrupt to the end of the cell"
            if is_choked():
                self.seen["late, on a machine that has more to do than it can"] += 1
            else:
                self.wrong.append(late)
        shown = "\n".join(
            line for each in reply.messages if each["msg_type"] == "error" for line in each["content"]["traceback"]
        )
        if reply.status == "Interrupted":
            if len(shown.splitlines()) != 1:
                self.wrong.append(f"not one line: {shown}")
            return "stopped"
        if reply.status != "KeyboardInterrupt" or (act.is_magic and "runloop_jupyter/" in shown):
            self.wrong.append(f"a foreign {reply.status}: {shown}")
        return "stopped outside"

    def _look_around(self, act: Act) -> None:
        deadline = time.monotonic() + CLEANS_UP_S
        while (left := look() or self._strays(act)) and time.monotonic() < deadline:
            time.sleep(0.02)
        if left:
            self.wrong.append(f"left behind: {left}")
        elif act.target is not None and act.target.exists() and not (act.is_sound or act.is_right)():
            self.wrong.append(f"{act.target.name} is there, and not whole")

    def _strays(self, act: Act) -> list[str]:
        return [each.name for each in act.target.parent.rglob(".*")] if act.target else []

    def _prepare(self, act: Act) -> None:
        if act.target is not None:
            remove(act.target)
        if act.before:
            self._must(act.before)

    def _must(self, code: str) -> Reply:
        reply = self._kernel_runs(code)
        assert reply.status == "ok", reply.text
        return reply

    def _says(self, code: str) -> bool:
        return self._kernel_runs(code).text.endswith("True")  # progress may stand before it

    def _kernel_runs(self, code: str) -> Reply:
        return self._kernel_ends(self._kernel.start(code))

    def _kernel_ends(self, message: str) -> Reply:
        """Wait for a cell; of one that hangs, the stacks of all threads are the error."""
        try:
            return self._kernel.wait(message, HANGS_S)
        except AssertionError as error:
            os.kill(self._kernel.pid, signal.SIGUSR1)
            time.sleep(0.5)
            raise AssertionError(f"{error}\n{(self._where / STACKS).read_text()}") from None

    def _listed(self) -> dict[str, Act]:
        where, to = self._where, self._where / "to"
        large, many, folder = digest_of(where / "large.bin"), digests_of(where / "many"), digest_of(where / "folder")
        clear = "%rl_cache clear --all"
        return {
            "put of a frame": Act(
                "%rl_put frame --force", lambda: self._says("rl.get('frame', cache=False).equals(frame)")
            ),
            "put of a folder": Act(
                f"%rl_put {where / 'folder'} --force", lambda: digest_of(Path(rl.get("folder"))) == folder
            ),
            "get of a file": Act(
                f"%rl_get large --no-cache --to {to / 'large.bin'}",
                lambda: digest_of(to / "large.bin") == large,
                target=to / "large.bin",
            ),
            "get of a value": Act(
                "back = %rl_get stored-frame", lambda: self._says("back.equals(frame)"), before=clear
            ),
            "put of many": Act(
                f"batch = rl.put_all({str(where / 'many' / '*')!r}, 'batch', force=True)",
                lambda: {each: digest(rl.get(f"batch/{each}", format="bytes")) for each in many} == many,
                is_magic=False,
            ),
            "get of many": Act(
                f"got = rl.get_all('storm/*', to={str(to / 'many')!r})",
                lambda: digests_of(to / "many") == many,
                target=to / "many",
                is_sound=lambda: digests_of(to / "many").items() <= many.items(),
                before=clear,
                is_magic=False,
            ),
            "put behind, being waited for": Act(
                "there = going.result()",
                lambda: digest(rl.get("behind", format="bytes")) == large,
                before="going = rl.put(where / 'large.bin', 'behind', force=True, background=True)",
                is_magic=False,
                goes_on="going.result().state == 'READ_ONLY'",
            ),
            "put behind, being set off": Act(
                "going = rl.put(frame, 'set-off', force=True, background=True)",
                lambda: self._says("rl.get(going.result(), cache=False).equals(frame)"),
                before="going = None",
                is_magic=False,
                goes_on="going is None or going.result().state == 'READ_ONLY'",
            ),
        }


def make(where: Path, sizes: Sizes) -> None:
    """Write what is to be moved."""
    rng = random.Random(5)
    for name in ("many", "folder", "to"):
        (where / name).mkdir()
    for number in range(sizes.files):
        (where / "many" / f"{number}.bin").write_bytes(rng.randbytes(sizes.file))
        (where / "folder" / f"{number}.txt").write_bytes(rng.randbytes(sizes.file // 2))
    with (where / "large.bin").open("wb") as file:
        file.writelines(rng.randbytes(MIB) for _ in range(sizes.large // MIB))


def is_choked() -> bool:
    """Whether so much else runs on this machine that a second says nothing."""
    return os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)


def remove(path: Path) -> None:
    """Remove a file, or a folder with what is in it."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def digest(data: bytes) -> str:
    """Return what stands for some bytes."""
    return hashlib.sha256(data).hexdigest()


def digests_of(path: Path) -> dict[str, str]:
    """Return, by the file's name, what each holds."""
    return {each.name: digest_of(each) for each in sorted(path.iterdir())}


def digest_of(path: Path) -> str:
    """Return what stands for the content of a file, or of all files in a folder."""
    if path.is_dir():
        return hashlib.sha256(repr(digests_of(path)).encode()).hexdigest()
    return digest(path.read_bytes())


def cancelled(where: Path, seed: int) -> str:
    """Cancel a transfer behind at a moment drawn by a seed, then make it again; return how it went."""
    rng, to = random.Random(seed), where / "to" / "cancelled"
    many = digests_of(where / "many")
    name, begin, is_right = rng.choice(
        [
            (
                "put",
                lambda: rl.put(where / "large.bin", "sent", force=True, background=True),
                lambda: digest(rl.get("sent", format="bytes")) == digest_of(where / "large.bin"),
            ),
            (
                "put of many",
                lambda: rl.put_all(str(where / "many" / "*"), "sent", force=True, background=True),
                lambda: {each: digest(rl.get(f"sent/{each}", format="bytes")) for each in many} == many,
            ),
            (
                "get",
                lambda: rl.get("large", to=to, cache=False, background=True),
                lambda: digest_of(to) == digest_of(where / "large.bin"),
            ),
            (
                "get of many",
                lambda: rl.get_all("storm/*", to=to, background=True),
                lambda: digests_of(to) == many,
            ),
        ]
    )
    remove(to)
    going = begin()
    time.sleep(rng.uniform(0, 0.25))
    began = time.monotonic()
    try:
        said = rl.transfers().cancel(going.id)
        came = "stopped" if "nothing is left" in said else "stopped, and cleaned up behind"
    except InputError:
        came = "was over"
    going.wait(20)
    assert time.monotonic() - began < 2 or is_choked(), "it went on"
    assert not look(), look()
    assert not to.is_file() or is_right(), "the target is there, and not whole"
    assert not to.is_dir() or digests_of(to).items() <= many.items(), "the targets are there, and not whole"
    assert not [*(where / "to").rglob(".*")], "something lies beside the target"
    remove(to)
    begin().result()
    assert is_right(), "the next run isn't right"
    assert not look(), look()
    return f"{name} behind, cancelled: {came}"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """What the cancels move, and a place for it."""
    where = tmp_path_factory.mktemp("cancels")
    make(where, Sizes())
    store_all(where)
    return where


def store_all(where: Path) -> None:
    """Store what the cancels get."""
    rl.put(where / "large.bin", "large")
    rl.put_all(str(where / "many" / "*"), "storm")


@pytest.mark.parametrize("seed", range(4))
def test_a_transfer_behind_that_is_cancelled_at_any_moment_leaves_nothing(seed, stored):
    assert cancelled(stored, seed)


def test_ctrl_c_at_any_moment_ends_the_cell_and_leaves_nothing(kernel, tmp_path):
    storm = Storm(tmp_path, kernel, Sizes())
    rng = random.Random(20261124)
    for name in storm.acts:
        storm.interrupt(name, rng)
    assert not storm.wrong, "\n".join(storm.wrong)
    stopped = sum(times for what, times in storm.seen.items() if what.endswith("stopped"))
    assert stopped >= 2, storm.seen  # or the moments were none


def main(count: int) -> int:
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        for variable in [each for each in os.environ if each.startswith("RUN")]:
            patch.delenv(variable)
        where = Path(name)
        patch.setenv("RUNLOOP_JUPYTER_HOME", f"{where}/data")
        patch.setenv("RUNLOOP_JUPYTER_CACHE", f"{where}/cache")
        patch.setenv("IPYTHONDIR", f"{where}/ipython")
        (work := where / "work").mkdir()
        from runloop_jupyter.local import launch

        kernel = Kernel()
        try:
            storm = Storm(work, kernel, Sizes(rows=400_000, large=64 * MIB, files=40))
            rng = random.Random(1)
            wrong = storm.wrong
            for number in range(count):
                before = len(wrong)
                storm.interrupt(list(storm.acts)[number % len(storm.acts)], rng)
                print(*wrong[before:], sep="\n", end="\n" * (len(wrong) > before), flush=True)
            seen.update(storm.seen)
            for number in range(count):
                try:
                    seen[cancelled(work, number)] += 1
                except Exception as error:
                    wrong.append(f"cancel, seed {number}: {type(error).__name__}: {error}")
                    print(wrong[-1], flush=True)
        finally:
            kernel.close()
            launch.stop()
    for what, times in sorted(seen.items()):
        print(f"{times:5} {what}")
    print(f"slowest end of a cell: {storm.slowest:.2f} s after its interrupt")
    print(f"{count} interrupts, {count} cancels, {len(wrong)} violations")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[2]) if sys.argv[2:] else 120))
