"""A key and presigned URLs show nowhere: notebook, repr, traceback, log, pickle, command line, disk."""

import pickle
import re
from pathlib import Path

import nbformat
import pytest
from kernels import Kernel
from nbclient import NotebookClient
from store_process import KEY, environment, open_store

import runloop_jupyter as rl
from runloop_jupyter import session

SIGNED = re.compile(r"(signature|sig|X-Amz-Signature|token)=[0-9A-Za-z_%-]{8,}", re.IGNORECASE)

CELLS = [
    "import logging, sys\nlogging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)",
    "%xmode Verbose",
    "%load_ext runloop_jupyter",
    "text = 'hello'\n%rl_put text -m a=b",
    "%rl_get text",
    "%rl_ls",
    "%rl_info text",
    "%rl_status",
    "%rl",
    "import runloop_jupyter as rl\nfrom runloop_jupyter import session\nstore = session.current().store",
    "vars(session.current()), vars(store), vars(store.objects), vars(store.objects.service), store.profile",
    (
        "import msgspec\nview = store.objects.create(msgspec.convert({'name': 'x', 'content_type': 'text'}, "
        "__import__('runloop_jupyter.wire.objects').wire.objects.ObjectCreateParameters))\nview, str(view), [view]"
    ),
    "url = store.objects.download_url(rl.ls('text')[0].id)\nurl, f'{url}', [url]",
    "import pickle\npickle.dumps(rl.ls('text')[0]), pickle.dumps(store)",
    # Errors we mean, and a bug in the middle of each kind of work, with every variable of every frame printed.
    "%rl_get nope",
    "rl.get('nope')",
    "rl.last_error, vars(rl.last_error)",
    (
        "import runloop_jupyter.transfer.digest as digest\n"
        "def broken(*args): raise ZeroDivisionError('a bug')\n"
        "digest.hasher, keep = broken, digest.hasher\n%rl_get text --as bytes --no-cache"
    ),
    "rl.put('other', 'text')",
    (
        "digest.hasher = keep\n"
        "import runloop_jupyter.transfer.sending as sending\n"
        "sending.PIECE = 'a bug'\nrl.put('third', 'text')"
    ),
    "import runloop_jupyter.wire.json as wire_json\nwire_json.decode, keep = broken, wire_json.decode\nrl.ls()",
    # Links: shown, looked into, copied, revealed by a button, and broken in the middle of each.
    "wire_json.decode = keep\nlink = %rl_url text --expires 12h\nlink",
    "link, str(link), f'{link}', [link], vars(link), {'k': link}, link._url",
    "import copy, dataclasses\ncopy.deepcopy(link), dataclasses.asdict(link)",
    "import pickle\npickle.dumps(link)",
    "logging.getLogger('x').info('link %s %r', link, link)",
    "import ipywidgets\n[widget.get_state() for widget in ipywidgets.Widget.widgets.values()]",
    (
        "from runloop_jupyter.widgets import copy_link\n"
        "widget = copy_link._current\nvars(widget), widget._trait_values, vars(widget.comm)"
    ),
    # As a front end asks; the reply goes out as a message, and into no output.
    (
        "import time\nsent = []\npublisher = widget._serving.publisher\nsend = publisher._send\n"
        "publisher._send = lambda reply, buffers: (send(reply, buffers), sent.append(len(str(reply))))\n"
        "widget._handle_custom_msg({'v': 1, 'rid': 'r', 'op': 'reveal', 'args': {'slot': copy_link.slot(link)}}, [])\n"
        "time.sleep(0.5)\nsent"
    ),
    (
        "def fails(reply, buffers): raise ZeroDivisionError(reply)\n"
        "publisher._send = fails\n"
        "widget._handle_custom_msg({'v': 1, 'rid': 's', 'op': 'reveal', 'args': {'slot': copy_link.slot(link)}}, [])\n"
        "time.sleep(0.5)"
    ),
    "from runloop_jupyter.api import signed\nsigned.expiry, expiry = broken, signed.expiry\n%rl_url text",
    "signed.expiry = expiry\nsigned.is_for_this_computer = broken\n%rl_url text",
    "signed.masked = broken\nlink",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    opened = open_store(tmp_path_factory.mktemp("secret") / "store")
    yield opened
    opened.close()


@pytest.fixture
def hosted(server, monkeypatch):
    """The profile of a service, reached with the sentinel key."""
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    monkeypatch.setenv("RUNLOOP_BASE_URL", server.base_url)
    session.reset()
    return server


def assert_no_secret(text):
    assert KEY not in text
    assert not SIGNED.search(text), SIGNED.search(text)


@pytest.fixture(scope="module")
def notebook(server):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNLOOP_API_KEY", KEY)
        patch.setenv("RUNLOOP_BASE_URL", server.base_url)
        NotebookClient(notebook, timeout=60, allow_errors=True, kernel_name="python3").execute()
    return notebook


def test_no_saved_state_of_a_widget_holds_one(notebook):
    assert "_esm" in str(notebook.metadata.widgets)
    assert_no_secret(nbformat.writes(notebook))


def test_the_signature_is_where_this_test_would_see_it(hosted):
    assert SIGNED.search(session.current().store.objects.download_url(rl.put("x", "seen").id).reveal())


def test_the_cells_did_what_they_should(notebook):
    texts = ["".join(str(output) for output in cell.outputs) for cell in notebook.cells]
    assert "hello" in texts[4]
    assert "/v1/objects: HTTP 200" in "".join(texts)  # calls were logged
    assert "ObjectNotFound" in texts[14]
    assert "ZeroDivisionError" in texts[17]
    assert "ZeroDivisionError" in texts[20]
    assert "link · only on this computer" in texts[21]
    assert "can't be pickled" in texts[24]
    assert "_esm" in texts[26]
    assert re.search(r"\[\d{3}\]", texts[28])  # the reply was sent, URL and all
    assert all("ZeroDivisionError" in texts[at] for at in (30, 31, 32))


@pytest.mark.parametrize("number", range(len(CELLS)), ids=[cell.splitlines()[-1][:40] for cell in CELLS])
def test_no_output_of_a_saved_notebook_holds_one(notebook, number):
    assert_no_secret(nbformat.writes(nbformat.v4.new_notebook(cells=[notebook.cells[number]])))


def test_no_command_line_holds_one(hosted):
    rl.put("x", "command line")
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert_no_secret(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue


def test_nothing_the_client_keeps_on_disk_holds_one(hosted, home):
    rl.get(rl.put("x", "on disk"), format="path")
    for path in home.rglob("*"):
        if path.is_file() and "store" not in path.parts:
            assert_no_secret(path.read_bytes().decode(errors="replace"))


def test_the_servers_log_holds_none(tmp_path):
    opened = open_store(tmp_path / "store")
    opened.read(opened.put()["id"])
    opened.http.get(opened.base_url + "/v1/objects", headers={"Authorization": "Bearer wrong"})
    opened.close()
    assert_no_secret(opened.log())


def test_a_pickled_object_finds_its_store_again_and_refuses_another(hosted, monkeypatch):
    pickled = pickle.dumps(rl.put("x", "pickled"))
    assert_no_secret(pickled.decode(errors="replace"))
    assert pickle.loads(pickled).get() == "x"
    monkeypatch.setenv("RUNLOOP_API_KEY", "another-key")
    session.reset()
    with pytest.raises(rl.errors.ProfileError, match="another store"):
        pickle.loads(pickled)


def test_a_key_that_is_refused_is_an_error_and_no_other_store_is_tried(hosted, monkeypatch):
    monkeypatch.setenv("RUNLOOP_API_KEY", "wrong-sentinel-key")
    session.reset()
    with pytest.raises(rl.errors.Unauthorized) as caught:
        rl.put("x", "refused")
    assert "wrong-sentinel-key" not in str(caught.value)
    assert "%rl_status" in str(caught.value)


# Logging in, with everything that is said turned on, and a bug in the middle of each step.

LOUD = (
    "import logging, sys\nlogging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)\n"
    "%xmode Verbose\n%load_ext runloop_jupyter\nimport runloop_jupyter as rl\n"
    "def broken(*args, **more): raise ZeroDivisionError('a bug')"
)
MISTYPED = "mistyped-sentinel-key"
BUGS = {
    "asking": "import runloop_jupyter.profile as module; name = 'checked_key'",
    "trying": "import runloop_jupyter.wire.json as module; name = 'decode'",
    "sending": "import runloop_jupyter.api.roundtrip as module; name = '_head'",
    "parsing": "import tomllib as module; name = 'loads'",
    "editing": "import tomlkit as module; name = 'dumps'",
    "writing": "import runloop_jupyter.atomic as module; name = 'write_atomic'",
    "using": "from runloop_jupyter.session import Session as module; name = 'use'",
    "showing": "import runloop_jupyter.actions.login as module; name = 'precedence'",
}


@pytest.fixture(scope="module")
def loud(server, tmp_path_factory):
    """A kernel without a profile, in which someone can be asked."""
    home = tmp_path_factory.mktemp("loud")
    kernel = Kernel(env=environment(RUNLOOP_JUPYTER_HOME=str(home), RUNLOOP_JUPYTER_CACHE=str(home / "cache")))
    kernel.run(LOUD)
    yield kernel
    kernel.close()


def assert_none_said(reply):
    for key in (KEY, MISTYPED):
        assert key not in repr(reply.messages)


def test_a_login_says_no_key_however_loud_it_is(loud, server):
    reply = loud.run_answering(f"%rl_login work --url {server.base_url}", KEY)
    assert reply.status == "ok", reply.text
    assert "v1/objects: HTTP 200" in reply.text
    assert_none_said(reply)
    reply = loud.run("%rl_status\nprint(vars(rl.status()), rl.status(), vars(rl.use('work')), rl.use('work'))")
    assert reply.status == "ok", reply.text
    assert_none_said(reply)


def test_a_refused_login_says_no_key_nor_does_whatever_is_raised_from_it(loud, server):
    assert_none_said(refused := loud.run_answering(f"%rl_login other --url {server.base_url}", MISTYPED))
    assert refused.status == "Unauthorized"
    chained = loud.run_answering(
        f"try: rl.login('other', url='{server.base_url}')\nexcept rl.errors.RunloopError as e: raise ValueError from e",
        MISTYPED,
    )
    assert chained.status == "ValueError"
    assert "Unauthorized" in chained.text
    assert_none_said(chained)


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_a_bug_in_the_middle_of_a_login_shows_no_key_in_any_frame(loud, server, bug):
    assert loud.run(f"{bug}\nkept = getattr(module, name); setattr(module, name, broken)").status == "ok"
    cell = f"try: rl.login('work', url='{server.base_url}')\nfinally: setattr(module, name, kept)"
    # Where the file can't be read, nobody is asked.
    reply = loud.run(cell) if "tomllib" in bug else loud.run_answering(cell, KEY)
    assert reply.status != "ok"
    assert_none_said(reply)
    assert_none_said(loud.run("rl.last_error, rl.last_error and vars(rl.last_error)"))


def test_an_error_of_a_profile_file_shows_no_key_though_it_is_raised_from(loud, server):
    assert loud.run_answering(f"rl.login('work', url='{server.base_url}')", KEY).status == "ok"
    reply = loud.run(
        "path = rl.use('work', default=True).kept\n"
        "before = len(path.read_text())\n"
        "path.write_text(path.read_text() + '[profiles.work]')\n"
        "try: rl.use('work')\nexcept rl.errors.ProfileError as e: raise ValueError from e"
    )
    assert reply.status == "ValueError"
    assert "can't be read as TOML" in reply.text
    assert_none_said(reply)
    assert loud.run("path.write_text(path.read_text()[:before])\nrl.use('work')").status == "ok"
