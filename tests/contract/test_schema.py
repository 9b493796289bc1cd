"""A real store process against the contract, by schemathesis: valid, invalid and missing data, and along the links.

``python tests/contract/test_schema.py --long`` does it for five minutes, with another seed each time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[1] / "support"), str(Path(__file__).parents[2])]

import contract
import pytest
from store_process import KEY, Store, environment, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

# Enough for every phase to reach what it is there for, in half a minute of one core.
SHORT = ("--max-examples", "8", "--seed", "20261124")
LONG = ("--max-examples", "200", "--max-time", "300")


def schemathesis(store: Store, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run every check there is, and leave what was asked and answered in ``report.ndjson``."""
    (where / "contract.json").write_text(json.dumps(contract.document()))
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(contract.HERE / "schemathesis.toml"), "run", "contract.json"),
            *("--url", store.base_url, "--header", f"Authorization: Bearer {KEY}", "--checks", "all"),
            *("--continue-on-failure", "--no-color", "--report", "ndjson", "--report-ndjson-path", "report.ndjson"),
            *arguments,
        ],
        cwd=where,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def answers(where: Path) -> Iterator[tuple[str, str, int]]:
    """Yield every call of a run as its method, path template and status."""
    for line in (where / "report.ndjson").read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for name, exchange in recorder.get("interactions", {}).items():
            call = recorder["cases"][name]["value"]
            if exchange.get("response"):
                yield call["method"], call["path"], exchange["response"]["status_code"]


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a run has its files."""
    return tmp_path_factory.mktemp("schema")


@pytest.fixture(scope="module")
def run(where: Path) -> subprocess.CompletedProcess[str]:
    """One run, on an empty store."""
    store = open_store(where / "store")
    done = schemathesis(store, where, *SHORT)
    store.close()
    assert "Traceback" not in store.log()
    return done


def test_no_check_fails(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_run_went_everywhere_and_to_the_ends(run: subprocess.CompletedProcess[str], where: Path) -> None:
    seen = Counter(answers(where))
    assert sum(seen.values()) > 300
    # What the phase that goes by a plan meets, whatever the seed; test_life.py goes all the way along the links.
    for method, path, status in [
        ("POST", "/v1/objects", 200),
        ("POST", "/v1/objects", 400),
        ("POST", "/v1/objects", 401),
        ("PUT", "/content/{id}", 403),
        ("GET", "/content/{id}", 403),
        ("POST", "/v1/objects/{id}/complete", 400),
        ("POST", "/v1/objects/{id}/delete", 401),
        ("GET", "/v1/objects", 200),
        ("GET", "/v1/objects/list_public", 400),
        ("GET", "/v1/objects/metadata/keys/{key}/values", 200),
        ("TRACE", "/v1/objects", 405),
    ]:
        assert seen[method, path, status], (method, path, status)


def main() -> int:
    """Run for long, and show what came of it."""
    with tempfile.TemporaryDirectory() as home:
        store = open_store(Path(home) / "store")
        done = schemathesis(store, Path(home), *(LONG if "--long" in sys.argv else SHORT))
        print(done.stdout, done.stderr)
        for call, n in sorted(Counter(answers(Path(home))).items()):
            print(n, *call)
        store.close()
        print(store.log())
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
