"""Names and sentences, without a Hub."""

import itertools

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from skazoo.errors import ParameterError, PresetError
from skazoo.hub.connection import check_repository, in_sentences


def test_names_that_are_let_through_are_those_of_the_client():
    parts = [
        "a",
        "A1",
        "a-b",
        "a.b",
        "a_b",
        "a--b",
        "a..b",
        "-a",
        "a-",
        ".a",
        "a.",
        "_a",
        "a_",
        "a b",
        "",
        "é",
        "a.git",
    ]
    accepted = set()
    for org, name in itertools.product(parts, parts):
        try:
            accepted.add(check_repository(f"{org}/{name}"))
        except ParameterError:
            continue
    for name in accepted:
        validate_repo_id(name)
    assert {"A1/a-b", "a.b/a_b", "a/A1"} <= accepted and len(accepted) == 7 * 6
    for wrong in ("a", "a/b/c", "/", "a/b\n", "a/" + "b" * 97, "https://huggingface.co/a/b", "..", "hf://hf://a/b"):
        with pytest.raises(ParameterError, match="hf://org/name"):
            check_repository(wrong)
    with pytest.raises(HFValidationError):
        validate_repo_id("a/" + "b" * 97)
    assert check_repository("hf://ska/diffusion") == check_repository("ska/diffusion") == "ska/diffusion"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("hf_SecretSecretSecret was wrong\nand more"), "cannot try: hf_... was wrong."),
        (RuntimeError("Illegal header value b'Bearer x'"), "cannot try: the token holds characters that no token has"),
        (OSError(28, "No space left on device", "/cache/x"), "No space left on device (/cache/x)."),
        (ValueError(""), "cannot try: ValueError."),
    ],
)
def test_what_is_said_of_other_errors(error, sentence):
    with pytest.raises(PresetError) as caught, in_sentences(PresetError, "try"):
        raise error
    assert sentence in str(caught.value) and "Secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_our_own_errors_and_mistakes_pass_as_they_are():
    with pytest.raises(ParameterError, match="mine"), in_sentences(PresetError, "try"):
        raise ParameterError("mine")
    with pytest.raises(ZeroDivisionError), in_sentences(PresetError, "try"):
        1 / 0  # noqa: B018
