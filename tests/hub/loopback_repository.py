"""What the loopback Hub stores: repositories with a history, and how git and LFS name contents."""

from __future__ import annotations

import hashlib


class Refusal(Exception):
    """An answer other than success: HTTP status, sentence, and the code that the client looks for."""

    def __init__(self, status: int, sentence: str, code: str | None = None):
        super().__init__(sentence)
        self.status, self.code = status, code


class Repository:
    """Commits in order (newest last), each {path: blob sha256}; branches are `main` only."""

    def __init__(self, private: bool):
        self.private, self.commits, self.tags = private, [], {}
        self.commit({".gitattributes": store_key(b"*.h5 filter=lfs\n")}, "initial commit")

    def commit(self, files: dict[str, str], message: str) -> str:
        name = hashlib.sha1(f"{len(self.commits)}{sorted(files.items())}{message}".encode()).hexdigest()
        self.commits.append((name, dict(files), message))
        return name

    @property
    def head(self) -> str:
        return self.commits[-1][0]

    @property
    def files(self) -> dict[str, str]:
        return self.commits[-1][1]

    def resolve(self, revision: str) -> tuple[str, dict[str, str]]:
        name = self.head if revision == "main" else self.tags.get(revision, revision)
        for commit, files, _ in self.commits:
            if len(name) >= 7 and commit.startswith(name):
                return commit, files
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def store_key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def is_lfs(path: str) -> bool:
    return path.endswith((".h5", ".png")) or ".tfrecord" in path


def git_key(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
