"""What was fetched once isn't fetched again: by this kernel, by another, by eight at once, and without a network."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from leftovers import look
from misbehaving import stalls
from network import MIB, bad_network, while_it
from shells import ok
from store_process import environment

import runloop_jupyter as rl
from runloop_jupyter import errors, session
from runloop_jupyter.paths import cache_dir
from runloop_jupyter.transfer import arriving
from runloop_jupyter.transfer.cache import claims, current, upkeep
from runloop_jupyter.transfer.transfer import Phase

DATA = random.Random(11).randbytes(3 * MIB + 77)
GETS = """
import sys
import runloop_jupyter as rl
print("ready", flush=True)
sys.stdin.readline()
print(rl.get(sys.argv[1], format="path"), flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def far(monkeypatch, tmp_path):
    """A service that counts what it is asked, and an empty cache."""
    with bad_network(monkeypatch) as server:
        monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE", str(tmp_path / "cache"))
        yield server
        current().upkeep.wait()


@pytest.fixture
def stored(far, tmp_path):
    (tmp_path / "scan.bin").write_bytes(DATA)
    thing = rl.put(tmp_path / "scan.bin", f"{tmp_path.name}.bin")
    far.behave()
    return thing


@pytest.fixture
def getters():
    """Start processes that get an object as a path when they are told to go."""
    started = []

    def start(what, count=1):
        variables = {name: value for name, value in os.environ.items() if name.startswith("RUNLOOP_")}
        started.extend(
            subprocess.Popen(
                [sys.executable, "-c", GETS, what],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment(**variables),
            )
            for _ in range(count)
        )
        mine = started[-count:]
        assert [each.stdout.readline() for each in mine] == ["ready\n"] * count
        return mine

    yield start
    for each in started:
        each.kill()
        each.communicate()


def go(processes):
    for each in processes:
        each.stdin.write("\n")
        each.stdin.flush()


def kinds(server):
    return {exchange.kind for exchange in server.seen}


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_the_second_get_by_name_asks_for_the_name_only(stored, far):
    first = rl.get(stored.name)
    far.behave()
    assert rl.get(stored.name) == first
    assert kinds(far) == {"list"}


@pytest.mark.parametrize("pin", [lambda thing: thing, lambda thing: thing.id, lambda thing: thing.version])
@pytest.mark.parametrize("form", ["path", "bytes"])
def test_what_is_pinned_and_here_is_given_without_a_request(pin, form, stored, far):
    first = rl.get(stored, format=form)
    far.behave()
    assert rl.get(pin(stored), format=form) == first
    assert far.seen == []


def test_what_is_pinned_and_not_here_is_fetched(stored, far):
    assert rl.get(stored.id).read_bytes() == DATA
    assert len(far.asked("GET")) == 1


def test_a_value_is_decoded_from_what_is_here(far):
    frame = pd.DataFrame({"x": range(1000)})
    thing = rl.put(frame, "cached frame")
    assert rl.get(thing).equals(frame)
    far.behave()
    assert rl.get(thing).equals(frame)
    assert rl.get(thing, columns=["x"], head=3).equals(frame[:3])
    assert rl.get(thing, format="path").suffix == ".parquet"
    assert far.seen == []


def test_a_newer_version_is_what_the_name_means_at_once(stored, tmp_path):
    rl.get(stored.name)
    (tmp_path / "scan.bin").write_bytes(DATA[::-1])
    rl.put(tmp_path / "scan.bin", stored.name)
    assert rl.get(stored.name).read_bytes() == DATA[::-1]
    assert rl.get(stored.version).read_bytes() == DATA


def test_a_cached_file_that_was_tampered_with_is_fetched_again(stored, far):
    path = rl.get(stored)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"tampered")
    assert rl.get(stored).read_bytes() == DATA
    assert len(far.asked("GET")) == 2


def test_what_is_deleted_here_is_not_given_from_the_cache(stored):
    rl.get(stored)
    rl.rm(stored.id)
    for what in (stored, stored.id, stored.version):
        with pytest.raises(errors.ObjectNotFound):
            rl.get(what)


def test_what_is_deleted_elsewhere_is_still_given_by_its_id_and_not_by_its_name(stored):
    rl.get(stored)
    session.current().store.objects.delete(stored.id)
    assert rl.get(stored.id).read_bytes() == DATA
    for get in (lambda: rl.get(stored.name), lambda: rl.get(stored.id, cache=False)):
        with pytest.raises(errors.ObjectNotFound):
            get()


def test_what_is_past_its_time_is_not_given_from_the_cache(far, monkeypatch):
    thing = rl.put("soon over", "short-lived", ttl="1h")
    assert rl.get(thing) == "soon over"
    monkeypatch.setattr(time, "time", lambda real=time.time: real() + 3601)
    for what in (thing, thing.id, thing.version):
        with pytest.raises(errors.ObjectNotFound):
            rl.get(what)


def test_without_the_cache_it_is_fetched_anew_and_not_kept(stored, far):
    kept = rl.get(stored)
    own = rl.get(stored, cache=False)
    assert own != kept
    assert len(far.asked("GET")) == 2
    own.write_bytes(b"mine to change")
    assert rl.get(stored).read_bytes() == DATA
    current().upkeep.clear(in_use=True)
    assert rl.get(stored, format="bytes", cache=False) == DATA
    assert rl.cache().objects == 0


def test_a_file_is_written_from_what_is_here_as_a_copy_of_its_own(stored, far, tmp_path):
    rl.get(stored)
    far.behave()
    target = rl.get(stored, to=tmp_path / "copy.bin")
    assert target.read_bytes() == DATA
    assert (target.stat().st_nlink, target.stat().st_mode & 0o200) == (1, 0o200)
    assert far.seen == []


def test_a_file_that_is_written_elsewhere_does_not_fill_the_cache(stored, tmp_path):
    rl.get(stored, to=tmp_path / "copy.bin")
    assert rl.cache().objects == 0


def test_a_folder_is_unpacked_again_without_a_request_when_it_was_changed(far, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("original")
    thing = rl.put(tmp_path / "folder")
    first = rl.get(thing)
    assert rl.get(thing) == first
    far.behave()
    (first / "a").write_text("changed")
    assert (rl.get(thing) / "a").read_text() == "original"
    assert (rl.get(thing, to=tmp_path / "there") / "a").read_text() == "original"
    assert far.seen == []


def test_eight_processes_that_want_it_at_once_fetch_it_once(stored, far, getters):
    def slowly(exchange):
        answer = exchange.honest()
        time.sleep(0.5)
        exchange.send(answer)

    far.will("GET", slowly, for_ever=True)
    processes = getters(stored.id, 8)
    go(processes)
    paths = [Path(each.stdout.readline().strip()) for each in processes]
    assert [path.read_bytes() for path in paths] == [DATA] * 8
    assert len(far.asked("GET")) == 1
    assert not look()


def test_when_the_one_who_fetches_is_killed_another_takes_over(stored, far, getters):
    far.will("GET", stalls(MIB))
    first, second = getters(stored.id, 2)
    go([first])
    wait_for(lambda: far.asked("GET"))
    go([second])
    wait_for(lambda: len(far.asked("view")) == 2)
    time.sleep(0.3)
    assert len(far.asked("GET")) == 1
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed = time.monotonic()
    assert Path(second.stdout.readline().strip()).read_bytes() == DATA
    assert time.monotonic() - killed < claims.SILENCE_S / 2
    assert len(far.asked("GET")) == 2
    current().upkeep.sweep(now=True)
    assert not look()


def test_the_limit_is_kept_to_and_what_another_process_was_given_is_spared(far, getters, tmp_path, monkeypatch):
    things = []
    for n in range(4):
        (tmp_path / "part").write_bytes(random.Random(n).randbytes(MIB))
        things.append(rl.put(tmp_path / "part", f"part-{n}"))
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", "2M")
    holder = getters(things[0].id)
    go(holder)
    held = Path(holder[0].stdout.readline().strip())
    for thing in things[1:]:
        rl.get(thing, format="bytes")
        current().upkeep.wait()
    use = rl.cache()
    assert (use.size, use.limit, use.objects, use.in_use) == (2 * MIB, 2 * MIB, 2, 1)
    assert len(held.read_bytes()) == MIB
    holder[0].stdin.write("\n")
    holder[0].communicate()
    rl.get(things[1], format="bytes")
    current().upkeep.wait()
    assert not held.exists()
    assert rl.cache().size == 2 * MIB


def test_a_limit_of_nothing_keeps_nothing_beyond_the_call(stored, far, getters, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", "0")
    assert rl.get(stored, format="bytes") == DATA
    assert rl.cache().objects == 0
    process = getters(stored.id)
    go(process)
    assert Path(process[0].stdout.readline().strip()).read_bytes() == DATA
    process[0].stdin.write("\n")
    process[0].communicate()
    assert rl.cache().size == 0
    current().upkeep.wait()
    assert [path for path in cache_dir().rglob("*") if path.is_file() and path.stat().st_size > MIB] == []


def test_a_size_that_can_not_be_read_is_one_line(stored, monkeypatch):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", "plenty")
    with pytest.raises(errors.InputError, match="RUNLOOP_JUPYTER_CACHE_SIZE='plenty'"):
        rl.get(stored)


def test_a_cache_that_can_not_be_written_is_named_where_it_is_needed_and_missed_where_it_is_not(
    stored, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setenv("RUNLOOP_JUPYTER_CACHE", "/proc/nowhere")
        assert rl.get(stored, to=tmp_path / "copy.bin").read_bytes() == DATA
        for get in (lambda: rl.get(stored), lambda: rl.get(stored, format="bytes"), rl.cache):
            with pytest.raises(errors.InputError, match="RUNLOOP_JUPYTER_CACHE"):
                get()
        rl.rm(stored.id)


@pytest.fixture
def offline(far, monkeypatch):
    """Call it to lose the network for good: whatever is asked from then on is seen."""

    def lose():
        session.reset()
        far.behave()
        monkeypatch.setenv("RUNLOOP_OFFLINE", "1")

    return lose


def test_offline_what_is_here_is_given_by_its_name_its_id_and_any_version(stored, far, offline, tmp_path):
    rl.get(stored)
    offline()
    prefix = stored.version.rpartition("-")[0]
    for what in (stored, stored.name, stored.id, stored.version, prefix, f"env:{stored.name}"):
        assert rl.get(what).read_bytes() == DATA
    assert rl.get(stored.name, to=tmp_path / "copy.bin").read_bytes() == DATA
    assert far.seen == []


def test_offline_a_name_never_means_what_was_got_by_its_id_alone(stored, offline):
    rl.get(stored.id)
    offline()
    assert rl.get(stored.id).read_bytes() == DATA
    with pytest.raises(errors.ObjectNotFound, match="isn't in the cache"):
        rl.get(stored.name)


def test_offline_a_name_means_what_was_got_by_it(stored, offline):
    rl.get(stored.id)
    rl.get(stored.name)
    offline()
    assert rl.get(stored.name).read_bytes() == DATA


def test_offline_the_newest_that_is_here_is_what_a_name_means(stored, offline, tmp_path):
    rl.get(stored)
    (tmp_path / "scan.bin").write_bytes(b"newer")
    rl.get(rl.put(tmp_path / "scan.bin", stored.name))
    offline()
    assert rl.get(stored.name).read_bytes() == b"newer"


def test_offline_what_is_not_here_is_one_line_that_names_what_is(stored, far, offline):
    rl.get(stored)
    offline()
    for what in ("absent", f"{stored.name}@-1", "obj_absent0000"):
        with pytest.raises(errors.ObjectNotFound, match=rf"isn't in the cache, and RUNLOOP_OFFLINE.*{stored.name}"):
            rl.get(what)
    assert far.seen == []


def test_offline_is_said_where_one_is_told_where_one_is(run, fresh_shell, offline):
    offline()
    assert "off line (RUNLOOP_OFFLINE)" in repr(ok(run("%rl")))


@pytest.mark.parametrize("ask", [lambda: rl.ls(), lambda: rl.put("x", "x"), lambda: rl.info("x"), lambda: rl.rm("x")])
def test_offline_what_needs_the_service_says_so_and_asks_nothing(ask, far, offline):
    offline()
    with pytest.raises(errors.Offline, match="RUNLOOP_OFFLINE is set"):
        ask()
    assert far.seen == []


def test_offline_a_put_keeps_nothing_to_be_resumed(far, offline):
    offline()
    with pytest.raises(errors.Offline) as refused:
        rl.put("x", "kept-not")
    assert "resume" not in str(refused.value)
    assert [each.label for each in rl.transfers() if each.state == "unfinished"] == []


def test_offline_the_embedded_store_is_there_as_always(home, monkeypatch):
    monkeypatch.setenv("RUNLOOP_OFFLINE", "1")
    assert rl.get(rl.put("text", "offline text")) == "text"


def test_a_lazy_value_is_opened_from_the_cached_file_which_stays(far):
    xarray = pytest.importorskip("xarray")
    data = xarray.Dataset({"t": ("x", list(range(1000)))})
    thing = rl.put(data, "lazy")
    with rl.get(thing) as opened:
        assert rl.cache().in_use == 1
        current().upkeep.clear()
        assert opened["t"].sum() == sum(range(1000))


def test_what_a_person_sees_of_the_cache(run, fresh_shell, far, monkeypatch, tmp_path):
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", "1G")
    thing = rl.put("some text", "seen")
    rl.get(thing)
    use = ok(run("%rl_cache"))
    assert repr(use) == "<CacheUse 9 B of 1.0 GiB>"
    assert use.card().to_text().splitlines()[0] == "cache · 9 B of 1.0 GiB · 1 object · on this computer"
    assert "rl-card" in use._repr_html_()
    assert ok(run("%rl_cache clear seen")).freed == 9
    assert rl.get(thing) == "some text"
    path = ok(run("%rl_get seen --as path"))
    assert ok(run("%rl_cache clear")).freed == 0
    assert path.exists()
    assert ok(run("%rl_cache clear --all")).freed == 9
    assert not path.exists()
    assert ok(run("%rl_get seen --no-cache")) == "some text"
    assert ok(run("%rl_cache")).objects == 0


def test_a_changed_copy_is_named_where_the_cache_is_shown(run, fresh_shell, far, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("original")
    got = rl.get(rl.put(tmp_path / "folder"))
    assert ok(run("%rl_cache")).changed == ()
    (got / "a").write_text("my work")
    use = ok(run("%rl_cache clear --all"))
    assert str(got.parent) in use.card().to_text()
    assert (got / "a").read_text() == "my work"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%rl_cache clear absent", "“absent” is not in the cache"),
        ("%rl_cache clear seen --all", "either"),
        ("%rl_cache --all", "%rl_cache clear --all"),
        ("%rl_cache empty", "%rl_cache --help"),
    ],
)
def test_what_can_not_be_meant_is_one_line(line, said, run, fresh_shell, far):
    ran = run(line)
    assert isinstance(ran.error, errors.RunloopError)
    assert said in str(ran.error)


@pytest.fixture
def cut_off(stored, far, tmp_path, monkeypatch):
    """An object whose download to a file was stopped on the way, as the next ones are."""
    monkeypatch.setattr(arriving, "RESUMABLE", 1)
    while_it(Phase.RECEIVING, lambda transfer: transfer.cancel(), MIB)
    with pytest.raises(errors.TransferCancelled):
        rl.get(stored, to=tmp_path / "target.bin")
    current().upkeep.wait()
    far.behave()
    return stored


def test_what_a_stopped_download_left_is_shown_and_cleared(cut_off, run, fresh_shell):
    use = ok(run("%rl_cache"))
    assert use.cut_off == 1
    assert use.size == use.cut_off_size >= MIB
    assert "of 1 unfinished download" in use.card().to_text()
    assert ok(run(f"%rl_cache clear {cut_off.id}")).freed == use.size
    assert ok(run("%rl_cache")).cut_off == 0


def test_what_stopped_downloads_left_stays_within_what_the_cache_may_hold(cut_off, tmp_path, monkeypatch):
    """A second one pushes the first out, though nothing was ever fetched for the cache."""
    monkeypatch.setenv("RUNLOOP_JUPYTER_CACHE_SIZE", str(2 * MIB))
    current().upkeep._counted = -upkeep.COUNT_EVERY_S
    (tmp_path / "other.bin").write_bytes(DATA[: 2 * MIB])
    other = rl.put(tmp_path / "other.bin", f"{tmp_path.name}-other.bin")
    held = rl.cache().cut_off_size
    with pytest.raises(errors.TransferCancelled):
        rl.get(other, to=tmp_path / "target.bin")
    current().upkeep.wait()
    assert [each.object for each in arriving.cut_off(current().root)] == [other.id]
    assert held + rl.cache().cut_off_size > 2 * MIB


@pytest.mark.parametrize("which", ["table", "folder", "text"])
def test_a_look_at_what_is_here_reads_it_from_here(which, far, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "member.txt").write_text("inside")
    (tmp_path / "text.txt").write_text("words")
    what = {"table": pd.DataFrame({"x": range(10)}), "folder": tmp_path / "folder", "text": tmp_path / "text.txt"}
    thing = rl.put(what[which], f"{tmp_path.name}-{which}")
    afar = rl.info(thing)
    assert afar.bytes_read > 0
    rl.get(thing, format="path")
    far.behave()
    here = rl.info(thing)
    assert here.bytes_read == 0
    assert not {"GET", "link"} & kinds(far)
    assert (here.preview, here.members) == (afar.preview, afar.members)
    # The same lines: a notebook that is run again with a warm cache shows the same page.
    facts = [[name for name, _ in each.page().facts] for each in (afar, here)]
    assert facts[0] == facts[1]


def test_what_is_here_is_kept_without_fetching_it(far, tmp_path):
    thing = rl.put("a text to keep", tmp_path.name, ttl="1h")
    rl.get(thing)
    far.behave()
    kept = rl.keep(thing)
    assert kept.expires is None
    assert far.asked("GET") == []
    assert len(far.asked("PUT")) == 1
    assert rl.get(kept, cache=False) == "a text to keep"
    assert not look()


def test_what_is_kept_is_held_against_its_digest_whatever_the_cache_takes_it_for(far, tmp_path):
    """Bytes that went bad on the disk without a trace in size or time must not become a version of their own."""
    thing = rl.put("a text to keep", tmp_path.name, ttl="1h")
    rl.get(thing)
    here = current()
    blob = here.blobs.path(here.refs.read(thing.store.identity.id, thing.id).blob)
    before = blob.stat()
    blob.chmod(0o600)
    blob.write_text("a text to rot!")
    blob.chmod(before.st_mode)
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    far.behave()
    kept = rl.keep(thing)
    assert len(far.asked("GET")) == 1
    assert rl.get(kept, cache=False) == "a text to keep"
    assert not look()
