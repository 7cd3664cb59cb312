"""A small server on this machine that speaks as much of the Hugging Face hub's language as pushing and pulling of weights take."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlparse

CLOSED, GATED = "closed/mine", "gated/mine"  # to whom nobody may write, and which nobody may read


class Hub(ThreadingHTTPServer):
    """Repositories, each its commits by their hash, the last one ``main``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {GATED: {}}
        self.private: dict[str, bool] = {}
        self.downloads: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, repository: str, files: dict[str, bytes]) -> str:
        """A commit that adds files; its hash."""
        commits = self.repositories.setdefault(repository, {})
        whole = {**(list(commits.values())[-1] if commits else {}), **files}
        revision = hashlib.sha1(repr(sorted(whole.items())).encode()).hexdigest()
        commits[revision] = whole
        return revision

    def commit(self, repository: str, revision: str = "main") -> tuple[str, dict[str, bytes]] | None:
        commits = self.repositories[repository]
        revision = list(commits)[-1] if revision == "main" else revision
        return (revision, commits[revision]) if revision in commits else None


@contextmanager
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: object) -> None:
        pass

    def answer(self, status: int, body: bytes | object = b"", **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), "Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_GET(self) -> None:
        parts = unquote(urlparse(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            repository, rest = "/".join(parts[2:4]), parts[4:]
        else:
            repository, rest = "/".join(parts[:2]), parts[2:]
        if repository not in self.server.repositories:
            return self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        if repository == GATED:
            return self.answer(403, {"error": "gated"}, X_Error_Code="GatedRepo")
        found = self.server.commit(repository, rest[1] if len(rest) > 1 else "main")
        if found is None:
            return self.answer(404, {"error": "no such revision"}, X_Error_Code="RevisionNotFound")
        revision, files = found
        if rest[:1] == ["resolve"]:
            content = files["/".join(rest[2:])]
            if self.command == "GET":
                self.server.downloads.append("/".join(rest[2:]))
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            return self.answer(200, content, ETag=etag, X_Repo_Commit=revision, Content_Type="application/octet-stream")
        if rest[:1] == ["tree"]:
            return self.answer(200, [self.entry(name, content) for name, content in files.items()])
        about = {"id": repository, "sha": revision, "siblings": [{"rfilename": name} for name in files], "private": False, "tags": []}
        return self.answer(200, {**about, "downloads": 0, "likes": 0})

    do_HEAD = do_GET

    def entry(self, name: str, content: bytes) -> dict[str, object]:
        return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def do_POST(self) -> None:
        path = unquote(urlparse(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self.chunks()
        if path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if path == "/api/repos/create":
            asked = json.loads(body)
            repository = f"{asked['organization']}/{asked['name']}"
            if repository == CLOSED:
                return self.answer(403, {"error": "you may not"})
            self.server.private[repository] = asked.get("private") is True or asked.get("visibility") == "private"
            known = repository in self.server.repositories
            self.server.repositories.setdefault(repository, {})
            return self.answer(409 if known else 200, {"url": f"{self.server.endpoint}/{repository}", "id": repository})
        repository = "/".join(path.split("/")[3:5])
        if "/preupload/" in path:
            files = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in json.loads(body)["files"]]
            return self.answer(200, {"files": files})
        lines = [json.loads(line) for line in body.splitlines()]
        files = {line["value"]["path"]: base64.b64decode(line["value"]["content"]) for line in lines if line["key"] == "file"}
        revision = self.server.put(repository, files)
        url = f"{self.server.endpoint}/{repository}/commit/{revision}"
        return self.answer(200, {"success": True, "commitUrl": url, "commitOid": revision, "pullRequestUrl": None})

    def chunks(self) -> bytes:
        """A body that comes in chunks."""
        body = b""
        while self.headers.get("Transfer-Encoding") == "chunked" and (size := int(self.rfile.readline().strip() or b"0", 16)):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body
