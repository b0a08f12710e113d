"""A Hugging Face Hub in one process, for the real client: git-like history, LFS, tags, tokens, and faults on demand.

Endpoints are those that huggingface_hub 2.4 was seen to call; all others answer 404, so that a new call is noticed.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import yaml

from .loopback_repository import Refusal, Repository, git_key, is_lfs, store_key

WRITER, READER = "hf_WriterTokenOfTheTests", "hf_ReaderTokenOfTheTests"
DATE = "2026-11-25T00:00:00.000Z"


class LoopbackHub(ThreadingHTTPServer):
    """The server; use it in a `with` statement.

    Attributes:
        repositories: {("model" | "dataset", "org/name"): Repository}.
        blobs: {sha256: bytes} of everything that was uploaded.
        faults: list of (method, pattern of the path, what): the first that fits a request is used up by it. `what` is
            a status to answer with, or a number of bytes as ("cut", n), after which the connection breaks.
        calls: "METHOD path" of every request.
        before_commit: called once before the next commit is checked, as if another writer came in between.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.repositories, self.blobs, self.faults, self.calls, self.ranges = {}, {}, [], [], []
        self.before_commit = None
        self.lock = threading.RLock()
        self.blobs[store_key(b"*.h5 filter=lfs\n")] = b"*.h5 filter=lfs\n"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self.shutdown()
        self.server_close()

    def fault(self, call: str):
        for fault in self.faults:
            method, pattern, what = fault
            if call.startswith(method) and re.search(pattern, call):
                self.faults.remove(fault)
                return what
        return None


class Answer(BaseHTTPRequestHandler):
    """One connection: routes are (method, pattern of the path, function of the match and the body)."""

    protocol_version = "HTTP/1.1"
    REPO = r"(?P<kind>models|datasets)/(?P<name>[^/]+/[^/]+)"

    def log_message(self, *message):
        pass

    def do_any(self):
        hub, path = self.server, urlsplit(self.path).path
        call = f"{self.command} {path}"
        fault = hub.fault(call)
        if isinstance(fault, tuple) and self.command in ("PUT", "POST"):
            self.rfile.read(min(fault[1], int(self.headers["Content-Length"])))
            return self.hang_up()
        body = self.body()
        self.cut = fault[1] if isinstance(fault, tuple) else None
        with hub.lock:
            hub.calls.append(call)
            try:
                if isinstance(fault, int):
                    raise Refusal(fault, "a fault that was asked for")
                for method, pattern, answer in ROUTES:
                    found = re.fullmatch(pattern, path)
                    if found and self.command in method.split("|"):
                        return answer(self, {k: unquote(v) for k, v in found.groupdict().items() if v}, body)
                raise Refusal(404, f"the loopback Hub does not know {call}")
            except Refusal as refusal:
                code = {"X-Error-Code": refusal.code} if refusal.code else {}
                self.send({"error": str(refusal)}, refusal.status, {"X-Error-Message": str(refusal), **code})

    do_GET = do_HEAD = do_POST = do_PUT = do_any

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def send(self, content, status=200, headers=None):
        kind = "application/octet-stream" if isinstance(content, bytes) else "application/json"
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": len(content), **(headers or {})}.items():
            self.send_header(key, str(value))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(content if self.cut is None else content[: self.cut])
        if self.cut is not None:
            self.hang_up()

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def user(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            return None
        if token not in (WRITER, READER):
            raise Refusal(401, "Invalid credentials in Authorization header")
        return token

    def writer(self, name: str = "ska/any"):
        if self.user() is None:
            raise Refusal(401, "Invalid username or password.")
        if self.user() == READER or not name.startswith("ska/"):
            raise Refusal(403, f"You don't have the rights to write to {name}.")

    def repository(self, of) -> Repository:
        found = self.server.repositories.get((of["kind"].removesuffix("s"), of["name"]))
        if found is None or (found.private and self.user() is None):
            raise Refusal(404 if self.user() else 401, "Repository not found", "RepoNotFound")
        return found

    # ------------------------------------------------------------------ the endpoints

    def create(self, of, body):
        asked = json.loads(body)
        name, kind = f"{asked.get('organization') or 'ska'}/{asked['name']}", asked.get("type", "model")
        self.writer(name)
        url = f"{self.server.endpoint}/{'datasets/' * (kind == 'dataset')}{name}"
        if (kind, name) in self.server.repositories:
            return self.send({"error": "You already created this repo", "url": url}, 409)
        self.server.repositories[kind, name] = Repository(asked.get("visibility") == "private")
        self.send({"url": url, "name": name, "id": name})

    def info(self, of, body):
        repository = self.repository(of)
        commit, files = repository.resolve(of.get("revision", "main"))
        names = [{"rfilename": path} for path in sorted(files)]
        facts = {"id": of["name"], "sha": commit, "private": repository.private, "siblings": names}
        self.send({**facts, "tags": [], "downloads": 0, "likes": 0, "lastModified": DATE, "createdAt": DATE})

    def refs(self, of, body):
        repository = self.repository(of)
        tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": c} for n, c in repository.tags.items()]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.head}
        self.send({"branches": [main], "tags": tags, "converts": []})

    def tree(self, of, body):
        commit, files = self.repository(of).resolve(of["revision"])
        entries = [self.entry(path, key) for path, key in sorted(files.items())]
        folders = {"/".join(path.split("/")[:i]) for path in files for i in range(1, path.count("/") + 1)}
        entries += [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)]
        self.send(entries, headers={"X-Repo-Commit": commit})

    def entry(self, path, key):
        content = self.server.blobs[key]
        facts = {"type": "file", "path": path, "oid": git_key(content), "size": len(content)}
        return facts | ({"lfs": {"oid": key, "size": len(content), "pointerSize": 130}} if is_lfs(path) else {})

    def tag(self, of, body):
        self.writer(of["name"])
        repository, name = self.repository(of), json.loads(body)["tag"]
        if name in repository.tags:
            raise Refusal(409, "Tag reference exists already")
        repository.tags[name] = repository.resolve(of["revision"])[0]
        self.send({})

    def preupload(self, of, body):
        self.writer(of["name"])
        _, files = self.repository(of).resolve(of["revision"])
        answer = []
        for file in json.loads(body)["files"]:
            path, key = file["path"], files.get(file["path"])
            mode = "lfs" if is_lfs(path) else "regular"
            oid = None if key is None else key if mode == "lfs" else git_key(self.server.blobs[key])
            answer.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.send({"files": answer})

    def lfs_batch(self, of, body):
        self.writer(of["name"])
        objects = [{"oid": each["oid"], "size": each["size"]} for each in json.loads(body)["objects"]]
        for each in objects:
            if each["oid"] not in self.server.blobs:
                each["actions"] = {"upload": {"href": f"{self.server.endpoint}/lfs/{each['oid']}"}}
        self.send({"transfer": "basic", "objects": objects})

    def lfs_put(self, of, body):
        if store_key(body) != of["oid"]:
            raise Refusal(400, "the content is not that of the announced sha256")
        self.server.blobs[of["oid"]] = body
        self.send(b"")

    def commit(self, of, body):
        self.writer(of["name"])
        repository = self.repository(of)
        if self.server.before_commit:
            callback, self.server.before_commit = self.server.before_commit, None
            callback(repository)
        files, message = dict(repository.files), ""
        for key, value in ((line["key"], line["value"]) for line in map(json.loads, body.splitlines())):
            if key == "header":
                message = value["summary"]
                if value.get("parentCommit") not in (None, repository.head):
                    raise Refusal(412, "A commit has happened since. Please refresh and try again.")
            elif key == "file":
                content = base64.b64decode(value["content"])
                files[value["path"]] = store_key(content)
                self.server.blobs[store_key(content)] = content
            elif key == "lfsFile":
                if value["oid"] not in self.server.blobs:
                    raise Refusal(400, "LFS pointer to an object that was not uploaded")
                files[value["path"]] = value["oid"]
            elif key == "deletedFile":
                files.pop(value["path"])
        name = repository.commit(files, message)
        self.send({"commitOid": name, "commitUrl": f"{self.server.endpoint}/{of['name']}/commit/{name}"})

    def file(self, of, body):
        commit, files = self.repository({"kind": "models", **of}).resolve(of["revision"])
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if of["path"] not in files:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        content, key = self.server.blobs[files[of["path"]]], files[of["path"]]
        headers["ETag"] = f'"{key if is_lfs(of["path"]) else git_key(content)}"'
        if is_lfs(of["path"]):
            headers |= {"X-Linked-Etag": f'"{key}"', "X-Linked-Size": len(content)}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return self.send(content, headers=headers)
        first, last = int(asked[1]), min(int(asked[2] or len(content) - 1), len(content) - 1)
        self.server.ranges.append((of["path"], first))
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        self.send(content[first : last + 1], 206, headers)

    def validate_yaml(self, of, body):
        text = json.loads(body)["content"]
        found = re.match(r"---\n(.*?)\n---\n", text, re.S)
        front = yaml.safe_load(found[1]) if found else {}
        wrong = [] if isinstance(front.get("license"), str) else ["license"]
        wrong += [] if all(isinstance(tag, str) for tag in front.get("tags", [])) else ["tags"]
        for model in front.get("model-index", []):
            for result in model.get("results", []):
                if not {"task", "dataset", "metrics"} <= set(result) or "name" not in model:
                    wrong.append("model-index")
                elif not all({"type", "name"} <= set(result["dataset"]) and "type" in m for m in result["metrics"]):
                    wrong.append("model-index")
        errors = [{"message": f"{key} is not as it must be"} for key in wrong]
        self.send({"errors": errors, "warnings": []}, 400 if wrong else 200)


_REPO = Answer.REPO
ROUTES = (
    ("POST", "/api/validate-yaml", Answer.validate_yaml),
    ("POST", "/api/repos/create", Answer.create),
    ("GET", rf"/api/{_REPO}(/revision/(?P<revision>[^/]+))?", Answer.info),
    ("GET", rf"/api/{_REPO}/refs", Answer.refs),
    ("GET", rf"/api/{_REPO}/tree/(?P<revision>[^/]+)", Answer.tree),
    ("POST", rf"/api/{_REPO}/tag/(?P<revision>[^/]+)", Answer.tag),
    ("POST", rf"/api/{_REPO}/preupload/(?P<revision>[^/]+)", Answer.preupload),
    ("POST", rf"/api/{_REPO}/commit/main", Answer.commit),
    ("POST", r"/((?P<kind>datasets)/)?(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", Answer.lfs_batch),
    ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", Answer.lfs_put),
    ("GET|HEAD", r"/((?P<kind>datasets)/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Answer.file),
)
