"""Papermill's engine for steps: `papermill --engine ithaca`, or `engine_name="ithaca"`.

It executes as papermill does, and differs in what it keeps and when: the notebook is saved at
intervals instead of twice a cell, streams are merged and limited, log and progress are written
while cells run, and a dead kernel is noticed within a fraction of a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from queue import Empty
from typing import Any

from nbclient.exceptions import CellExecutionComplete, CellExecutionError, DeadKernelError
from nbclient.util import ensure_async
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager
from papermill.log import logger

from ithaca.runner.outputs import CellOutputs, plain

_SAVE_EVERY = 5.0
_SAVE_SHARE = 20.0
"""After a save, as many times its duration passes before the next."""

_POLL = 0.2
"""Seconds between checks that the kernel is alive."""

_QUIET = 4.0
"""Seconds to wait for a cell's last message after its reply: it may be lost."""


class Watcher:
    """Receives the events of a step; this one ignores them."""

    def cell(self, index: int, cell: Any) -> None:
        """A cell starts."""

    def text(self, text: str) -> None:
        """A cell printed plain text."""

    def tick(self) -> None:
        """Called regularly."""

    def save(self, notebook: Any) -> None:
        """The notebook with its outputs so far."""

    def failed(self, index: int, cell: Any, content: dict[str, Any]) -> None:
        """A cell failed; `content` is the kernel's reply (`ename`, `evalue`, `traceback`)."""


class RecordedExecution(NotebookExecutionManager):  # type: ignore[misc]
    """Papermill's execution state with another save policy.

    Args:
        nb: The notebook.
        watcher: Saves it; papermill saves it, too, if it has an output path.
    """

    def __init__(self, nb: Any, watcher: Watcher, **kwargs: Any) -> None:
        super().__init__(nb, **kwargs)
        self.watcher = watcher
        self.cell_outputs: CellOutputs | None = None
        self._next_save = 0.0

    def save(self, **kwargs: Any) -> None:
        """Save if a save is due."""
        if time.monotonic() >= self._next_save:
            self.save_now(**kwargs)

    def save_now(self, **kwargs: Any) -> None:
        """Save now."""
        started = time.monotonic()
        if self.cell_outputs is not None:
            self.cell_outputs.settle()
        super().save(**kwargs)
        self.watcher.save(self.nb)
        now = time.monotonic()
        self._next_save = now + max(_SAVE_EVERY, _SAVE_SHARE * (now - started))

    def autosave_cell(self, **_kwargs: Any) -> None:
        """Called with every message of a kernel."""
        self.watcher.tick()
        self.save()

    def notebook_complete(self, **kwargs: Any) -> None:
        """Finish the metadata and save for the last time."""
        self._next_save = float("inf")
        super().notebook_complete(**kwargs)
        self.save_now(**kwargs)


class StepClient(PapermillNotebookClient):  # type: ignore[misc]
    """Executes cells and keeps their outputs small."""

    def __init__(self, nb_man: RecordedExecution, **kwargs: Any) -> None:
        # `_async_poll_output_msg` waits for a cell's last message.
        super().__init__(nb_man, raise_on_iopub_timeout=False, iopub_timeout=1 << 30, **kwargs)
        self.clear_before_next_output: bool = False

    def papermill_execute_cells(self) -> None:
        """Execute the cells up to the first that fails."""
        for index, cell in enumerate(self.nb.cells):
            self.nb_man.watcher.cell(index, cell)
            try:
                self.nb_man.cell_start(cell, index)
                self.execute_cell(cell, index)
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                break
            except BaseException:
                self.nb_man.cell_exception(cell, cell_index=index)
                raise
            finally:
                if self.nb_man.cell_outputs is not None:
                    self.nb_man.cell_outputs.settle()
                self.nb_man.cell_outputs = None
                self.nb_man.cell_complete(cell, cell_index=index)

    async def _check_raise_for_error(self, cell: Any, cell_index: int, exec_reply: Any) -> None:
        content = (exec_reply or {}).get("content", {})
        asked_to_exit = any(
            payload.get("source") == "ask_exit" for payload in content.get("payload") or ()
        )
        if asked_to_exit:  # `exit()`: the kernel asks its client to exit
            content = {
                **content,
                "status": "error",
                "ename": "SystemExit",
                "evalue": "",
                "traceback": ["exit() or quit() was called"],
            }
            exec_reply = {**exec_reply, "content": content}
        if content.get("status") == "error":
            self.nb_man.watcher.failed(cell_index, cell, content)
        await super()._check_raise_for_error(cell, cell_index, exec_reply)

    def output(self, outs: list[Any], msg: Any, display_id: str | None, cell_index: int) -> Any:
        """Take an output of a cell."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        kept = self._outputs_of(outs)
        if self.clear_before_next_output:
            kept.clear()
            self.clear_display_id_mapping(cell_index)
            self.clear_before_next_output = False
        if msg["msg_type"] == "stream":
            text = str(msg["content"]["text"])
            kept.stream(msg["content"]["name"], text)
            self._print(text)
            return None
        fresh: list[Any] = []
        output = super().output(fresh, msg, None, cell_index)
        if output is None:
            return None
        if kept.rich(output) and display_id:
            indices = self._display_id_map.setdefault(display_id, {}).setdefault(cell_index, [])
            indices.append(len(outs) - 1)
        if output["output_type"] != "error":
            shown = output.get("data", {}).get("text/plain")
            if shown:
                self._print("".join(shown) + "\n")
        return output

    def clear_output(self, outs: list[Any], msg: Any, cell_index: int) -> None:
        """Clear the outputs of a cell, as it asked."""
        super().clear_output(outs, msg, cell_index)
        if not outs:
            self._outputs_of(outs).clear()

    def _outputs_of(self, outs: list[Any]) -> CellOutputs:
        kept: CellOutputs | None = self.nb_man.cell_outputs
        if kept is None:
            kept = self.nb_man.cell_outputs = CellOutputs(outs)
        return kept

    def _print(self, text: str) -> None:
        self.nb_man.watcher.text(plain(text))

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        while True:
            try:
                message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=_QUIET))
            except Empty:
                if "shell.execute_reply" in cell["metadata"].get("execution", {}):
                    return
                continue
            if message["parent_header"].get("msg_id") == parent_msg_id:
                self.process_message(message, cell, cell_index)
                content = message["content"]
                if message["msg_type"] == "status" and content["execution_state"] == "idle":
                    return

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Take a message; its reader handles the end of a cell."""
        with contextlib.suppress(CellExecutionComplete):
            return super().process_message(msg, cell, cell_index)
        return None

    async def _async_poll_kernel_alive(self) -> None:
        while True:
            await asyncio.sleep(_POLL)
            self.nb_man.autosave_cell()
            try:
                await self._async_check_alive()
            except DeadKernelError:
                await asyncio.sleep(_POLL)  # its last messages may still arrive
                if self.task_poll_for_reply is not None:
                    self.task_poll_for_reply.cancel()
                return


class IthacaEngine(Engine):  # type: ignore[misc]
    """The engine named `ithaca`."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: str | None = None,
        progress_bar: bool = False,
        log_output: bool = False,
        watcher: Watcher | None = None,
        **kwargs: Any,
    ) -> Any:
        """Execute a notebook; see papermill's own engine for the arguments.

        Args:
            nb: The notebook with its parameters.
            kernel_name: Name of the kernelspec, when no `km` is given.
            output_path: Where papermill keeps the notebook.
            progress_bar: Papermill's own.
            log_output: Papermill's own.
            watcher: Receives events, and saves the notebook instead of `output_path`.
            **kwargs: For nbclient; `autosave_cell_every` is ignored, since saving takes at most a
                twentieth of the time.
        """
        execution = RecordedExecution(
            nb,
            watcher or Watcher(),
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
        )
        execution.notebook_start()
        try:
            cls.execute_managed_notebook(execution, kernel_name, log_output=log_output, **kwargs)
        finally:
            execution.cleanup_pbar()
            execution.notebook_complete()
        return execution.nb

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: RecordedExecution,
        kernel_name: str,
        *,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Execute the cells, as papermill's own engine does."""
        for unused in ("input_path", "timeout", "startup_timeout", "autosave_cell_every"):
            kwargs.pop(unused, None)
        client = StepClient(
            nb_man,
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            log=logger,
            **kwargs,
        )
        try:
            return client.execute()
        finally:
            if client.kc is not None:  # nbclient does not close it when it did not start the kernel
                client.kc.stop_channels()
