"""A minimal front end of a widget in a real kernel: its comm over channels of its own, in a subshell as JupyterLab."""

from __future__ import annotations

import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from jupyter_client.blocking.client import BlockingKernelClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernels import Kernel, Reply


class CommFrontEnd:
    """Speaks to one widget of a kernel.

    Args:
        kernel: The kernel.
        opened: The cell that made the widget; or else
        comm_id: its comm.
        subshell: Whether messages go to a subshell, as from JupyterLab; else they wait for the cell that runs.
    """

    def __init__(self, kernel: Kernel, opened: Reply | None, *, comm_id: str = "", subshell: bool = True) -> None:
        self.comm_id = comm_of(opened) if opened else comm_id
        self.opened_by = opened.messages[0]["parent_header"]["msg_id"] if opened else ""
        self.streams: list[tuple[str, str]] = []
        # A session of its own: to the kernel two clients of one session are the same one.
        self._client = BlockingKernelClient()
        self._client.load_connection_info(kernel.manager.get_connection_info())
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self.subshell = self._subshell() if subshell else None
        self.messages: list[tuple[dict[str, Any], list[bytes], float]] = []
        self._came = threading.Condition()
        self._closed = threading.Event()
        self._rids = count(1)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _subshell(self) -> str:
        message = self._client.session.msg("create_subshell_request", {})
        self._client.control_channel.send(message)
        while True:
            reply = self._client.get_control_msg(timeout=20)
            if reply["msg_type"] == "create_subshell_reply":
                return str(reply["content"]["subshell_id"])

    def _read(self) -> None:
        while not self._closed.is_set():
            # Not the client's own way, which makes an event loop for each thread and leaves it open.
            socket = self._client.iopub_channel.socket
            if not socket.poll(200):
                continue
            _, message = self._client.session.recv(socket)
            content = message["content"]
            if message["msg_type"] == "stream":
                with self._came:
                    self.streams.append((content["text"], message["parent_header"].get("msg_id", "")))
                    self._came.notify_all()
            if message["msg_type"] != "comm_msg" or content.get("comm_id") != self.comm_id:
                continue
            if content["data"].get("method") == "custom":
                with self._came:
                    buffers = [bytes(each) for each in message["buffers"]]
                    self.messages.append((content["data"]["content"], buffers, time.monotonic()))
                    self._came.notify_all()

    def say(self, rid: str, op: str, args: dict[str, Any] | None = None, *buffers: bytes) -> None:
        self.raw({"v": 1, "rid": rid, "op": op, "args": args or {}}, *buffers)

    def raw(self, content: Any, *buffers: bytes) -> None:
        """Send anything as a custom message."""
        self._send("comm_msg", {"comm_id": self.comm_id, "data": {"method": "custom", "content": content}}, buffers)

    def _send(self, kind: str, content: dict[str, Any], buffers: tuple[bytes, ...] = ()) -> None:
        message = self._client.session.msg(kind, content)
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        self._client.session.send(self._client.shell_channel.socket, message, buffers=list(buffers))

    def begin(self, op: str, **args: Any) -> str:
        rid = f"r{next(self._rids)}"
        self.say(rid, op, args)
        return rid

    def ask(self, op: str, timeout: float = 20, **args: Any) -> Any:
        """Return what an operation answers; fail where it is an error."""
        reply = self.end_of(self.begin(op, **args), timeout)
        assert reply["kind"] == "ok", reply
        return reply["value"]

    def refused(self, op: str, **args: Any) -> dict[str, Any]:
        reply = self.end_of(self.begin(op, **args))
        assert reply["kind"] == "err", reply
        return reply

    def end_of(self, rid: str, timeout: float = 20) -> dict[str, Any]:
        return self.wait(lambda: next((c for c, _, _ in self.messages if is_end(c, rid)), None), timeout)

    def ends(self, rid: str) -> int:
        return sum(is_end(content, rid) for content, _, _ in self.messages)

    def progress(self, rid: str) -> list[Any]:
        return [c["value"] for c, _, _ in self.messages if c.get("rid") == rid and c["kind"] == "progress"]

    def wait_for_stream(self, text: str) -> str:
        """Wait until somebody prints `text`; return the message whose output that is."""
        return str(self.wait(lambda: next((parent for said, parent in self.streams if text in said), None)))

    def events(self, name: str) -> list[Any]:
        return [c["value"] for c, _, _ in self.messages if c["kind"] == "event" and c["event"] == name]

    def wait(self, is_so: Callable[[], Any], timeout: float = 20) -> Any:
        with self._came:
            found = self._came.wait_for(is_so, timeout)
            assert found, self.messages[-4:]
            return found

    def upload(
        self, name: str, data: bytes, *, chunk: int = 1 << 20, stop_after: int | None = None, **more: Any
    ) -> str:
        """Send a file as a page does; return the request's id, not waiting for its end."""
        args = {"name": name, "size": len(data), "type": "", "metadata": {}, "ttl": None, **more}
        rid = f"r{next(self._rids)}"
        self.say(rid, "upload", args)
        for number, start in enumerate(range(0, len(data), chunk), 1):
            if stop_after is not None and number > stop_after:
                return rid
            self.wait(
                lambda number=number: (
                    self.ends(rid) or any(value.get("credit", 0) >= number for value in self.progress(rid))
                )
            )
            if self.ends(rid):
                return rid
            self.say(rid, "chunk", {}, data[start : start + chunk])
        self.say(rid, "end")
        return rid

    def download(self, object_id: str) -> tuple[bytes, dict[str, Any]]:
        rid = self.begin("download", id=object_id)
        self.say(rid, "grant", {"n": 4})
        taken = 0
        while not self.ends(rid):
            self.wait(lambda taken=taken: self.ends(rid) or len(self.progress(rid)) > taken)
            new = len(self.progress(rid)) - taken
            taken += new
            if new and not self.ends(rid):
                self.say(rid, "grant", {"n": new})
        data = b"".join(
            buffers[0]
            for content, buffers, _ in self.messages
            if content.get("rid") == rid and content["kind"] == "progress" and buffers
        )
        return data, self.end_of(rid)

    def close_comm(self) -> None:
        """Close the comm, as a page does when its widget is closed."""
        self._send("comm_close", {"comm_id": self.comm_id, "data": {}})

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._client.stop_channels()


def is_end(content: dict[str, Any], rid: str) -> bool:
    return content.get("rid") == rid and content["kind"] in {"ok", "err"}


def comm_of(opened: Reply) -> str:
    """Return the comm of the anywidget that a cell made."""
    for message in opened.messages:
        if message["msg_type"] == "comm_open":
            state = message["content"]["data"].get("state", {})
            if state.get("_model_module") == "anywidget":
                return str(message["content"]["comm_id"])
    raise AssertionError(f"the cell made no widget: {opened.status} {opened.text}")
