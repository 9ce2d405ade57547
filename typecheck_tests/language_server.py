"""A conversation with a language server, as an editor has it: one file, and what the server would complete there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class LanguageServer:
    """A running server; see https://microsoft.github.io/language-server-protocol/."""

    def __init__(self, process: subprocess.Popen[bytes], root: Path, python: str) -> None:
        self._process, self._root, self._python = process, root, python
        self._number = 0

    def completions(self, path: Path, text: str) -> set[str]:
        """The labels that the server offers at the end of a text, which it takes for the content of a file."""
        self._notify(
            "textDocument/didOpen",
            {"textDocument": {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}},
        )
        lines = text.split("\n")
        position = {"line": len(lines) - 1, "character": len(lines[-1])}
        found = self._request("textDocument/completion", {"textDocument": {"uri": path.as_uri()}, "position": position})
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"] for item in items}

    def start(self) -> None:
        """Introduce ourselves."""
        root = self._root.as_uri()
        self._request(
            "initialize",
            {
                "processId": None,
                "rootUri": root,
                "workspaceFolders": [{"uri": root, "name": "adj"}],
                "capabilities": {"workspace": {"configuration": True, "workspaceFolders": True}},
            },
        )
        self._notify("initialized", {})

    def _request(self, method: str, parameters: Any) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": parameters})
        while True:
            message = self._receive()
            if "method" in message:
                self._answer(message)
            elif message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]

    def _notify(self, method: str, parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def _answer(self, message: dict[str, Any]) -> None:
        """Answer what the server asks for: its configuration, and nothing else."""
        if "id" not in message:
            return
        result = None
        if message["method"] == "workspace/configuration":
            result = [{"pythonPath": self._python} for _ in message["params"]["items"]]
        self._send({"id": message["id"], "result": result})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) or not length:
            assert line or self._process.poll() is None, "the language server has ended"
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


@contextmanager
def language_server(command: Sequence[str], root: Path, python: str) -> Generator[LanguageServer]:
    """A server that has been started in a folder, and is ended with the block."""
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            server = LanguageServer(process, root, python)
            server.start()
            yield server
        finally:
            process.kill()
