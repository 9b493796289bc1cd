"""Logging in: the key is asked for unseen, tried, kept, and used from then on; or nothing was kept."""

import getpass
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pexpect
import pytest
from kernels import Kernel
from shells import ok
from store_process import KEY, environment, open_store

import runloop_jupyter as rl
from runloop_jupyter import errors, profile_file, session
from runloop_jupyter.local import launch

WRONG = "wrong-sentinel-key"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    opened = open_store(tmp_path_factory.mktemp("hosted") / "store")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def second_server(tmp_path_factory):
    opened = open_store(tmp_path_factory.mktemp("second") / "store")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """A home without profiles or an embedded store."""
    where = tmp_path / "own"
    monkeypatch.setenv("RUNLOOP_JUPYTER_HOME", str(where))
    yield where
    launch.stop()


@pytest.fixture
def asked(monkeypatch):
    """Answer the question for a key with KEY, or with what is assigned; the questions that were asked."""

    class Asked(list):
        answer = KEY

        def __call__(self, prompt="", stream=None):
            self.append(prompt)
            if isinstance(self.answer, BaseException):
                raise self.answer
            return self.answer

    asked = Asked()
    monkeypatch.setattr(getpass, "getpass", asked)
    return asked


def profiles():
    return dict(profile_file.read().profiles)


def test_after_a_login_this_kernel_and_the_next_use_the_profile(server, asked, own_home):
    rl.login("work", url=server.base_url)
    assert asked == [f"API key for {server.base_url} (profile work): "]
    rl.put("x", "login/here")
    assert "login/here" in server.names()
    session.reset()
    assert rl.get("login/here") == "x"
    assert session.current().profile.name == "work"
    assert stat.S_IMODE((own_home / "profiles.toml").stat().st_mode) == 0o600


def test_the_card_says_which_store_which_profile_and_where_the_key_is_kept_but_not_the_key(
    run, server, asked, own_home
):
    ran = run(f"%rl_login --url {server.base_url}")
    ok(ran)
    assert server.base_url.removeprefix("http://") in ran.out
    assert "profile hosted · key from profiles.toml" in ran.out
    assert f"kept in {own_home / 'profiles.toml'}" in ran.out
    for shown in (ran.out, ran.value.card().to_html(), repr(ran.value), str(vars(ran.value))):
        assert KEY not in shown
        assert KEY[-4:] not in shown.replace(str(own_home), "")


def test_spaces_and_a_line_break_around_a_pasted_key_are_not_part_of_it(server, asked):
    asked.answer = f"  {KEY}\n"
    rl.login(url=server.base_url)
    assert profiles()["hosted"].key.reveal() == KEY


def test_a_refused_key_is_an_error_and_everything_is_as_it_was(server, asked):
    rl.login("work", url=server.base_url)
    before = profile_file.read().path.read_bytes()
    asked.answer = WRONG
    with pytest.raises(errors.Unauthorized, match="nothing was kept") as caught:
        rl.login("work")
    assert WRONG not in str(caught.value)
    assert profile_file.read().path.read_bytes() == before
    rl.put("x", "login/unharmed")
    assert "login/unharmed" in server.names()


def test_a_first_login_that_is_refused_leaves_the_embedded_store_in_use_and_no_file(server, asked, own_home):
    asked.answer = WRONG
    with pytest.raises(errors.Unauthorized):
        rl.login(url=server.base_url)
    assert not (own_home / "profiles.toml").exists()
    assert session.current().profile.embedded


def test_a_service_that_does_not_answer_is_said_and_nothing_is_kept(asked, own_home):
    with pytest.raises(errors.Unreachable, match=r"gives no answer.*Nothing was kept"):
        rl.login(url="http://127.0.0.1:9")
    assert not (own_home / "profiles.toml").exists()


def test_a_place_that_is_no_such_service_is_an_error_and_nothing_is_kept(asked, own_home):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        with pytest.raises(errors.ServerError, match="Nothing was kept"):
            rl.login(url=f"http://127.0.0.1:{page.server_port}")
        page.shutdown()
    assert not (own_home / "profiles.toml").exists()


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ("", errors.InputError, "no key was given"),
        ("two words", errors.ProfileError, "characters that no key has"),
        (KeyboardInterrupt(), errors.Interrupted, "nothing was kept"),
        (EOFError(), errors.InputError, "RUNLOOP_API_KEY"),
    ],
    ids=["nothing", "two words", "Ctrl-C", "end of input"],
)
def test_without_a_key_nothing_is_kept(server, asked, own_home, answer, error, said):
    asked.answer = answer
    with pytest.raises(error, match=said):
        rl.login(url=server.base_url)
    assert not (own_home / "profiles.toml").exists()


@pytest.mark.parametrize(
    "line",
    [
        "local",
        "env",
        "'a b'",
        "'a]\\nx='",
        "ak_314159Qwertyuiop26535",
        "--url ftp://x.example",
        "--url http://x.example",
        "--url https://me:pw@x.example",
    ],
)
def test_a_name_or_url_that_cannot_be_is_said_before_anybody_is_asked_for_a_key(run, asked, line):
    assert isinstance(run(f"%rl_login {line}").error, errors.ProfileError)
    assert asked == []


def test_a_file_that_cannot_be_written_is_said_before_anybody_is_asked_for_a_key(asked, own_home):
    own_home.mkdir()
    (own_home / "profiles.toml").write_text("default = 'local'")
    (own_home / "profiles.toml").chmod(0o644)
    with pytest.raises(errors.ProfileError, match="chmod 600"):
        rl.login()
    assert asked == []


def test_a_login_again_goes_where_the_profile_goes_and_nowhere_else(server, asked):
    rl.login("work", url=server.base_url)
    rl.login("work")
    assert asked[-1].startswith(f"API key for {server.base_url} ")
    assert profiles()["work"].base_url == server.base_url


def test_what_was_made_before_a_second_login_keeps_its_store(server, second_server, asked):
    rl.login("work", url=server.base_url)
    old = rl.put("old", "login/old")
    rl.login("work", url=second_server.base_url)
    rl.put("new", "login/new")
    assert old.get() == "old"
    assert rl.get("login/new") == "new"
    assert "login/new" not in server.names()
    with pytest.raises(errors.ObjectNotFound):
        rl.get("login/old")


def test_where_the_environment_names_a_key_the_card_says_that_new_kernels_use_that(
    server, second_server, asked, monkeypatch
):
    monkeypatch.setenv("RUNLOOP_API_KEY", KEY)
    monkeypatch.setenv("RUNLOOP_BASE_URL", second_server.base_url)
    said = rl.login("work", url=server.base_url).card().to_text()
    assert f"new ones use {second_server.base_url.removeprefix('http://')} (profile env" in said
    assert "RUNLOOP_API_KEY comes before profiles.toml" in said
    rl.put("x", "login/this-kernel")
    assert "login/this-kernel" in server.names()
    session.reset()
    assert session.current().profile.name == "env"


def test_a_url_alone_in_the_environment_hinders_no_login_and_is_said(server, asked, monkeypatch):
    monkeypatch.setenv("RUNLOOP_BASE_URL", server.base_url)
    said = rl.login("work", url=server.base_url).card().to_text()
    assert "new kernels will stop at this: RUNLOOP_BASE_URL is set" in said
    rl.put("x", "login/url-alone")
    assert "login/url-alone" in server.names()


def test_the_first_login_says_what_stays_in_the_embedded_store_and_each_way_that_it_names_works(server, asked):
    rl.put({"a": 1}, "login/kept")
    rl.put("gone", "login/gone")
    rl.rm("login/gone")
    card = rl.login(url=server.base_url).card().to_text()
    assert "1 object stays in the embedded store, reached as local:NAME or after %rl_use local" in card
    assert rl.get("local:login/kept") == {"a": 1}
    rl.put(rl.get("local:login/kept"), "login/kept")
    assert "login/kept" in server.names()
    rl.use("local")
    assert [each.name for each in rl.ls("login/")] == ["login/kept"]


def test_it_is_said_once_and_not_where_there_is_nothing(server, asked, own_home):
    assert "embedded" not in rl.login("first", url=server.base_url).card().to_text()
    assert not (own_home / "store").exists()
    rl.put("x", "login/late")
    rl.use("local")
    rl.put("x", "login/late")
    assert "stays" not in rl.login("second", url=server.base_url).card().to_text()


# Real kernels, with and without somebody in front of them.


@pytest.fixture
def kernel(own_home):
    opened = Kernel()
    opened.run("%load_ext runloop_jupyter")
    yield opened
    opened.close()


def test_in_a_notebook_the_key_is_asked_for_as_a_password_and_is_nowhere_afterwards(kernel, server, own_home):
    reply = kernel.run_answering(f"%rl_login work --url {server.base_url}", KEY)
    assert reply.status == "ok", reply.text
    assert reply.asked == [{"prompt": f"API key for {server.base_url} (profile work): ", "password": True}]
    assert "profile work" in reply.text
    assert KEY not in repr(reply.messages)
    seen = kernel.run(
        "from runloop_jupyter import session\n"
        "history = get_ipython().history_manager\n"
        "list(history.get_range(raw=False, output=True)), history.input_hist_raw, Out, In, vars(session.current())"
    )
    assert seen.status == "ok", seen.text
    assert "rl_login" in seen.text
    assert KEY not in seen.text
    kernel.run("number = 7")
    assert kernel.run("%rl_put number -n login/kernel").status == "ok"
    assert "login/kernel" in server.names()
    holders = [path for path in own_home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert [path.name for path in holders] == ["profiles.toml"]


@pytest.mark.parametrize("cell", ["%rl_login", "import runloop_jupyter as rl\nrl.login()"])
def test_a_notebook_that_nobody_sits_in_front_of_fails_with_one_line_that_names_the_variable(kernel, cell):
    reply = kernel.run(cell)
    assert reply.status == "InputError"
    assert reply.text.startswith("InputError nobody can be asked for the key here. Set RUNLOOP_API_KEY")
    assert "\n" not in reply.text


def test_ctrl_c_while_the_key_is_tried_keeps_nothing(kernel, own_home):
    asked = threading.Event()

    class Hangs(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.set()
            threading.Event().wait(20)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hangs) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        message = kernel.client.execute(f"%rl_login --url http://127.0.0.1:{server.server_port}", allow_stdin=True)
        kernel.client.get_stdin_msg(timeout=60)
        kernel.client.input(KEY)
        assert asked.wait(60)
        kernel.manager.interrupt_kernel()
        reply = kernel.wait(message)
        server.shutdown()
        server.block_on_close = False
    assert reply.status == "Interrupted"
    assert KEY not in repr(reply.messages)
    assert not (own_home / "profiles.toml").exists()


SCRIPT = "import runloop_jupyter as rl; print(rl.login('work', url={url!r}).card().to_text())"


def test_a_script_without_a_terminal_fails_and_reads_no_key_from_elsewhere(server, own_home):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(url=server.base_url)],
        env=environment(RUNLOOP_JUPYTER_HOME=str(own_home)),
        input=f"{KEY}\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.rstrip().splitlines()[-1].startswith("runloop_jupyter.errors.InputError: nobody can be asked")
    assert KEY not in done.stdout + done.stderr
    assert not (own_home / "profiles.toml").exists()


def test_a_script_in_a_terminal_asks_there_without_echo(server, own_home):
    script = pexpect.spawn(
        sys.executable,
        ["-c", SCRIPT.format(url=server.base_url)],
        env=environment(RUNLOOP_JUPYTER_HOME=str(own_home)),
        encoding="utf-8",
        timeout=60,
    )
    script.expect("API key for .*: ")
    script.sendline(KEY)
    script.expect(pexpect.EOF)
    script.close()
    assert script.exitstatus == 0, script.before
    assert "profile work" in script.before
    assert KEY not in script.before
