"""Files to a repository of the Hub in one commit: all of them appear, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import ParameterError, SkazooError
from .connection import check_repository, in_sentences, writing_client

__all__ = ["upload"]


def upload(
    files: Mapping[str, Path],
    repository: str,
    kind: str,
    error: type[SkazooError],
    private: bool = False,
    tag: str | None = None,
    message: str = "Publish",
    owned: Callable[[str], bool] = lambda path: False,
) -> str:
    """Make the repository where it is not there yet, and commit `files` to its main branch.

    Args:
        files: path in the repository -> file.
        repository: org/name.
        kind: "model" or "dataset".
        error: class of the errors of the Hub.
        private: make it private; refused where it exists and is public.
        tag: name for the commit; refused where the repository has it already.
        message: of the commit.
        owned: whether a path is ours, to be removed in the same commit where the repository has it and `files` has not.

    Returns: the commit's hash, to be given as a `revision`.

    Raises:
        ParameterError: a wrong name, tag or message, or no token.
        SkazooError: of class `error`, where the Hub refuses, cannot be reached, or someone else wrote meanwhile.
    """
    repository = check_repository(repository)
    if tag is not None and not re.fullmatch(r"[\w][\w.-]*", tag, re.ASCII):
        raise ParameterError(f"tag must be letters, digits, '.', '-' and '_', such as v1.0, but is {tag!r}.")
    if not message.strip():
        raise ParameterError("the message of the commit is empty; leave it out for the usual one.")
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    client = writing_client()
    with in_sentences(error, f"publish {repository}"):
        client.create_repo(repository, repo_type=kind, private=private or None, exist_ok=True)
        found = client.repo_info(repository, repo_type=kind)
        if private and not found.private:
            raise error(f"{repository} exists and is public; make it private on its page, or publish without private.")
        if tag and tag in {each.name for each in client.list_repo_refs(repository, repo_type=kind).tags}:
            raise error(f"{repository} has a tag {tag!r} already, which others may rely on; choose another one.")
        gone = {each.rfilename for each in found.siblings} - set(files)
        changes = [CommitOperationAdd(path, str(file)) for path, file in sorted(files.items())]
        changes += [CommitOperationDelete(path) for path in sorted(filter(owned, gone))]
        # the parent makes the Hub refuse the commit where another writer was faster
        made = client.create_commit(
            repository, changes, commit_message=message, repo_type=kind, parent_commit=found.sha
        )
    if tag:
        with in_sentences(error, f"tag the published commit {made.oid} of {repository} as {tag!r}"):
            client.create_tag(repository, tag=tag, revision=made.oid, repo_type=kind)
    return made.oid
