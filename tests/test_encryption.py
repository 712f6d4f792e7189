from __future__ import annotations

import pytest

from bigcommerce_integration.encryption import TokenCipher, generate_key
from bigcommerce_integration.errors import ConfigError

TOKEN = "secret-token-9876"


def test_a_token_comes_back_and_its_ciphertext_does_not_show_it() -> None:
    cipher = TokenCipher([generate_key()])
    ciphertext = cipher.encrypt(TOKEN)
    assert TOKEN.encode() not in ciphertext
    assert cipher.decrypt(ciphertext).reveal() == TOKEN


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old, new = generate_key(), generate_key()
    ciphertext = TokenCipher([old]).encrypt(TOKEN)
    both = TokenCipher([new, old])
    assert both.decrypt(ciphertext).reveal() == TOKEN
    assert TokenCipher([new]).decrypt(both.encrypt(TOKEN)).reveal() == TOKEN


def test_rotate_gives_the_same_token_under_the_first_key() -> None:
    old, new = generate_key(), generate_key()
    rotated = TokenCipher([new, old]).rotate(TokenCipher([old]).encrypt(TOKEN))
    assert TokenCipher([new]).decrypt(rotated).reveal() == TOKEN


def test_token_without_its_key_raises_an_error_that_advises() -> None:
    ciphertext = TokenCipher([generate_key()]).encrypt(TOKEN)
    with pytest.raises(ConfigError, match="put the key it was encrypted with back") as raised:
        TokenCipher([generate_key()]).decrypt(ciphertext)
    assert raised.value.__cause__ is None


def test_repr_shows_no_key() -> None:
    key = generate_key()
    assert key not in repr(TokenCipher([key]))


@pytest.mark.parametrize("keys", [[], ["short"], ["é" * 44], [generate_key()[4:]]])
def test_bad_keys_name_the_command_that_makes_one(keys: list[str]) -> None:
    with pytest.raises(ConfigError, match="generate-key"):
        TokenCipher(keys)
