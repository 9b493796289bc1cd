"""A real kernel that can be interrupted and killed."""

from __future__ import annotations

import queue
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Callable

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Reply:
    """What came of a cell."""

    status: str
    text: str
    seconds: float
    messages: list[dict[str, Any]] = field(repr=False, default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    """An ipykernel process in the tests' own home.

    Args:
        options: What it is started with beside that: ``env``, ``cwd``.
    """

    def __init__(self, **options: Any) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(**options)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)

    def run(self, code: str, timeout: float = 120) -> Reply:
        """Run a cell to its end."""
        return self.wait(self.client.execute(code, allow_stdin=False), timeout)

    def run_answering(self, code: str, *answers: str, timeout: float = 120) -> Reply:
        """Run a cell to its end and answer what it asks for, as somebody in front of it would."""
        message = self.client.execute(code, allow_stdin=True)
        asked = []
        for answer in answers:
            asked.append(self.client.get_stdin_msg(timeout=timeout)["content"])
            self.client.input(answer)
        reply = self.wait(message, timeout)
        reply.asked = asked
        return reply

    def interrupt_when(self, code: str, is_time: Callable[[], bool], timeout: float = 120) -> Reply:
        """Run a cell and interrupt it once `is_time`; the reply's seconds count from the interrupt."""
        message = self.client.execute(code, allow_stdin=False)
        deadline = time.monotonic() + timeout
        while not is_time():
            if time.monotonic() > deadline:
                raise AssertionError(f"the moment to interrupt never came: {self.wait(message, 1)}")
            time.sleep(0.005)
        self.manager.interrupt_kernel()
        return self.wait(message, timeout)

    def start(self, code: str) -> str:
        """Begin a cell and don't wait for it."""
        return str(self.client.execute(code, allow_stdin=False))

    def wait(self, message: str, timeout: float = 120) -> Reply:
        began, deadline = time.monotonic(), time.monotonic() + timeout
        said: list[str] = []
        messages = []
        status = "ok"
        while True:
            try:
                got = self.client.get_iopub_msg(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the cell did not end in {timeout} s; it said {said}") from None
            if got["parent_header"].get("msg_id") != message:
                continue
            messages.append(got)
            content = got["content"]
            match got["msg_type"]:
                case "stream":
                    said.append(content["text"])
                case "execute_result" | "display_data":
                    said.append(content["data"].get("text/plain", ""))
                case "error":
                    status = content["ename"]
                    said.append("\n".join(content["traceback"]))
                case "status" if content["execution_state"] == "idle":
                    return Reply(status, _ANSI.sub("", "\n".join(said)), time.monotonic() - began, messages)

    def kill(self) -> None:
        """End it as a machine out of memory would."""
        self.manager.provisioner.process.kill()
        self.manager.provisioner.process.wait()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
