"""A store carried to another one, by a copy that is stopped and by one whose kernel is killed: equal in the end."""

import random
import time
from collections import defaultdict

import pytest
from kernels import Kernel
from leftovers import look
from store_process import KEY, open_store

import runloop_jupyter as rl
from runloop_jupyter import session
from runloop_jupyter.api.objects import Filter

OBJECTS = 500
CARRY = "%rl_cp 'local:carried/*' env:"


@pytest.fixture
def far(tmp_path, monkeypatch):
    """A second store, the profile `env`, in this process and in the kernels that it starts."""
    store = open_store(tmp_path / "far")
    monkeypatch.setenv("RUNLOOP_BASE_URL", store.base_url)
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    rl.use("local")
    yield session.current().store_named("env")
    store.close()


@pytest.fixture
def loaded(far):
    """Kernels with the extension, in which the embedded store is the current one."""
    opened = []

    def start():
        opened.append(Kernel())
        opened[-1].run("%load_ext runloop_jupyter")
        assert opened[-1].run("%rl_use local").status == "ok"
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def carried():
    """Objects with versions, metadata and times to live."""
    chosen = random.Random(5)
    for number in range(OBJECTS):
        rl.put(
            chosen.randbytes(chosen.choice([0, 10, 5000])) + str(number).encode(),
            f"carried/{chosen.randrange(OBJECTS // 3)}",
            metadata={"number": number, "side": chosen.choice(["left", "right"])},
            ttl=chosen.choice([None, "2d", "40d"]),
            force=True,
        )


def contents(store):
    """Of each name its versions, the oldest first: digest, user's metadata, days that are left."""
    found = defaultdict(list)
    wanted = Filter(name="carried/", state="READ_ONLY")
    for page in store.objects.pages(wanted):
        for view in page.objects:
            thing = rl.Object(view, store)
            left = None if thing.expires is None else round((thing.expires.timestamp() - time.time()) / 86_400)
            found[view.name].insert(0, (thing.digest, thing.metadata, left))
    return dict(found)


def count(store):
    page = store.objects.list(Filter(name="carried/", state="READ_ONLY"), limit=1, include_total_count=True)
    return page.total_count or 0


def test_five_hundred_objects_interrupted_twice_are_equal_in_the_end_each_version_once(far, loaded, carried):
    kernel = loaded()
    reply = kernel.interrupt_when(CARRY, lambda: count(far) > OBJECTS // 5)
    assert reply.status == "Interrupted"
    assert 0 < count(far) < OBJECTS
    kernel.start(CARRY)
    before = count(far)
    deadline = time.monotonic() + 60
    while count(far) < before + OBJECTS // 5:
        assert time.monotonic() < deadline
    kernel.kill()
    assert count(far) < OBJECTS
    last = loaded().run(CARRY)
    assert last.status == "ok", last.text
    here = contents(session.current().store_named("local"))
    assert sum(map(len, here.values())) == OBJECTS
    assert contents(far) == here
    assert far.objects.list(Filter(state="UPLOADING")).objects == []
    assert not look()
