"""What happens to people in their first twelve days, in real kernels: each day ends in what was promised.

The days are one story: they share a home, a folder of notebooks, a service and what was put on the days before.
"""

import time

import pytest
from kernels import Kernel
from store_process import KEY, environment, open_store

from runloop_jupyter.local import launch

WRONG = "wrong-sentinel-key"
FRAME = "import pandas as pd\npenguins = pd.DataFrame({'species': ['Adelie', 'Gentoo'], 'mass': [3700, 5000]})"


class Desk:
    """A folder with notebooks, a home, and the kernels that are opened there."""

    def __init__(self, where, service):
        self.folder = where / "notebooks"
        self.folder.mkdir()
        self.home = where / "home"
        self.service = service
        self._where = where
        self._kernels = []

    def notebook(self, **variables):
        """Open a notebook: a kernel with the extension loaded; its load line is `said`."""
        kept = environment(
            RUNLOOP_JUPYTER_HOME=str(self.home), RUNLOOP_JUPYTER_CACHE=str(self._where / "cache"), **variables
        )
        kernel = Kernel(env=kept, cwd=str(self.folder))
        self._kernels.append(kernel)
        loaded = kernel.run("%load_ext runloop_jupyter\nimport runloop_jupyter as rl")
        assert loaded.status == "ok", loaded.text
        kernel.said = loaded.text
        return kernel

    def close_notebooks(self):
        while self._kernels:
            self._kernels.pop().close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    where = tmp_path_factory.mktemp("twelve")
    service = open_store(where / "service")
    opened = Desk(where, service)
    yield opened
    opened.close_notebooks()
    launch.stop(opened.home / "store")
    service.close()


@pytest.fixture(autouse=True)
def _evening(desk):
    yield
    desk.close_notebooks()


def value(kernel, code):
    """Run a cell that must not fail and return what it shows."""
    reply = kernel.run(code)
    assert reply.status == "ok", reply.text
    return reply.text.strip()  # on a slow machine progress was shown before it, and cleared


def fails(kernel, code, kind, *said):
    """Run a cell that must fail with one line that says these."""
    reply = kernel.run(code)
    assert reply.status == kind, reply.text
    line = reply.text.strip().splitlines()
    assert len(line) == 1, reply.text
    for each in said:
        assert each in line[0]
    return line[0]


def test_day_1_it_works_without_a_key_and_a_second_load_does_nothing_new(desk):
    kernel = desk.notebook()
    assert kernel.said == "runloop: embedded store on this computer (no key) · %rl for help"
    value(kernel, FRAME)
    assert "table · 2 × 2" in value(kernel, "%rl_put penguins -m project=birds")
    assert value(kernel, "%rl_get penguins").split() == value(kernel, "penguins").split()
    again = value(kernel, "%load_ext runloop_jupyter")
    assert "already loaded" in again
    reloaded = value(kernel, "%reload_ext runloop_jupyter")
    assert reloaded == kernel.said
    assert value(kernel, "x = %rl_get penguins\nx.equals(penguins)") == "True"


def test_day_2_a_name_that_is_a_variable_and_a_path_is_not_guessed(desk):
    (desk.folder / "scans").mkdir()
    (desk.folder / "scans" / "one.txt").write_text("1")
    (desk.folder / "data.csv").write_text("a\n1\n")
    kernel = desk.notebook()
    value(kernel, "scans = [1, 2, 3]")
    fails(kernel, "%rl_put scans", "InputError", "a variable and a file", "./scans", "$scans")
    assert "json" in value(kernel, "%rl_put $scans")
    assert value(kernel, "%rl_get scans") == "[1, 2, 3]"
    assert "folder · 1 file" in value(kernel, "%rl_put ./scans -n scans/folder")
    assert "file" in value(kernel, "%rl_put data.csv")


def test_day_3_a_path_given_as_text_is_refused_with_the_two_ways_to_say_it(desk):
    kernel = desk.notebook()
    fails(kernel, "rl.put('data.csv', 'data')", "InputError", "data.csv", "Path(", "format=")
    assert value(kernel, "rl.put('a line of text', 'line').get()") == "'a line of text'"


def test_day_4_two_notebooks_that_write_one_name_each_hear_what_they_replace(desk):
    mine = desk.notebook(JPY_SESSION_NAME="/home/me/mine.ipynb")
    colleagues = desk.notebook(JPY_SESSION_NAME="/home/me/theirs.ipynb")
    assert "replaces" not in value(mine, "r = {'run': 1}\n%rl_put r -n results")
    second = value(colleagues, "r = {'run': 2}\n%rl_put r -n results")
    assert "replaces a version put" in second
    assert "! the version it replaces was put from mine.ipynb, not from here" in second
    third = value(mine, "r = {'run': 3}\n%rl_put r -n results")
    assert "(same name, other bytes)" in third
    assert "put from theirs.ipynb, not from here" in third
    assert "nothing was sent" in value(mine, "%rl_put r -n results")
    assert value(colleagues, "%rl_get results") == "{'run': 3}"
    assert value(colleagues, "%rl_get results@-1") == "{'run': 2}"
    assert "results ×3" in value(mine, "%rl_ls results").replace("  ", " ")


def test_day_5_when_the_newest_version_has_expired_the_name_is_an_error_that_names_the_survivor(desk):
    kernel = desk.notebook()
    value(kernel, "old = rl.put('old', 'weather')\nnew = rl.put('new', 'weather', ttl='2s')")
    assert value(kernel, "%rl_get weather") == "'new'"
    time.sleep(2.2)
    survivor = value(kernel, "print(old.version)")
    line = fails(kernel, "%rl_get weather", "NewestGone", "past its time to live", survivor)
    assert value(kernel, f"%rl_get {line.rpartition(' ')[2]}") == "'old'"


def test_day_6_run_all_stops_at_the_first_error_and_it_can_be_caught(desk):
    kernel = desk.notebook()
    cells = ["value = 1", "%rl_get nowhere", "after = 2"]
    messages = [kernel.client.execute(cell, allow_stdin=False, stop_on_error=True) for cell in cells]
    assert kernel.wait(messages[1]).status == "ObjectNotFound"
    assert kernel.wait(messages[2]).status == "ok"  # aborted: it never ran
    assert value(kernel, "print('after' in globals())") == "False"
    assert value(kernel, "try: rl.get('nowhere')\nexcept rl.errors.ObjectNotFound: print('caught')") == "caught"
    assert "nowhere" in value(kernel, "print(rl.last_error)")


def test_day_7_a_wrong_key_is_an_error_and_nothing_lands_in_the_embedded_store(desk):
    kernel = desk.notebook(RUNLOOP_API_KEY=WRONG, RUNLOOP_BASE_URL=desk.service.base_url)
    assert "(profile env, key from RUNLOOP_API_KEY)" in kernel.said
    line = fails(kernel, "secret = 'plans'\n%rl_put secret", "Unauthorized", "refuses the key")
    assert WRONG not in line
    fails(kernel, "%rl_status", "Unauthorized", "from RUNLOOP_API_KEY (profile env)")
    assert "secret" not in desk.service.names()
    fails(kernel, "%rl_use local\n%rl_get secret", "ObjectNotFound")


def test_day_8_a_login_where_nobody_can_answer_names_the_variable(desk):
    kernel = desk.notebook()
    fails(kernel, "%rl_login", "InputError", "RUNLOOP_API_KEY")
    assert value(kernel, "%rl_get line") == "'a line of text'"


def test_day_9_the_login_with_everything_put_so_far_still_in_reach(desk):
    kernel = desk.notebook()
    count = value(kernel, "print(rl.status().objects)")
    value(kernel, "table = rl.ls()\nlink = rl.ls('line')[0]")
    refused = kernel.run_answering(f"%rl_login work --url {desk.service.base_url}", WRONG)
    assert refused.status == "Unauthorized"
    assert value(kernel, "%rl_get line") == "'a line of text'"
    done = kernel.run_answering(f"%rl_login work --url {desk.service.base_url}", KEY)
    assert done.status == "ok", done.text
    assert f"{count} objects stay in the embedded store, reached as local:NAME or after %rl_use local" in done.text
    fails(kernel, "%rl_get line", "ObjectNotFound")
    assert value(kernel, "%rl_get local:line") == "'a line of text'"
    value(kernel, "rl.put(rl.get('local:penguins'), 'penguins')")
    assert "penguins" in desk.service.names()
    # What was open before the login still is what it was.
    assert value(kernel, "link.get()") == "'a line of text'"
    assert value(kernel, "print(len(table), sorted(each.name for each in table)[0])").startswith("7 data.csv")


def test_day_10_the_next_kernel_uses_the_login_and_tables_of_two_stores_stay_apart(desk):
    kernel = desk.notebook()
    assert "(profile work, key from profiles.toml)" in kernel.said
    value(kernel, "hosted = rl.ls()\nrl.use('local')\nlocal = rl.ls('line')")
    fails(kernel, "%rl_use wrok", "ProfileError", "Close: work")
    assert "2 × 2" in value(kernel, "hosted[0]")
    assert value(kernel, "hosted[0].get().equals(rl.get('work:penguins'))") == "True"
    value(kernel, "%rl_use work")
    assert value(kernel, "local[0].get()") == "'a line of text'"


def test_day_11_the_environment_comes_before_the_login_and_every_place_says_so(desk):
    kernel = desk.notebook(RUNLOOP_API_KEY=KEY, RUNLOOP_BASE_URL=desk.service.base_url)
    assert "(profile env, key from RUNLOOP_API_KEY), before the default “work”" in kernel.said
    assert "RUNLOOP_API_KEY comes before the default in profiles.toml, “work”" in value(kernel, "%rl_status")
    said = value(kernel, "%rl_use local")
    assert "new ones use" in said
    assert "(profile env" in said
    assert value(kernel, "%rl_get line") == "'a line of text'"


def test_day_12_a_pickled_object_outlives_its_kernel_and_finds_its_store(desk):
    kernel = desk.notebook()
    value(
        kernel,
        "import pickle\nthings = [rl.ls('penguins')[0], rl.get and rl.use('local') and rl.ls('line')[0]]\n"
        "open('things.pickle', 'wb').write(pickle.dumps(things))",
    )
    assert KEY.encode() not in (desk.folder / "things.pickle").read_bytes()
    kernel.kill()

    kernel = desk.notebook()
    value(kernel, "import pickle\npenguins, line = pickle.load(open('things.pickle', 'rb'))")
    assert "2" in value(kernel, "len(penguins.get())")
    assert value(kernel, "line.get()") == "'a line of text'"

    (desk.home / "profiles.toml").unlink()
    forgetful = desk.notebook()
    fails(forgetful, "import pickle\npickle.load(open('things.pickle', 'rb'))", "ProfileError", "another store")
    assert value(forgetful, "%rl_get line") == "'a line of text'"
