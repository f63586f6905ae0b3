import hashlib
from dataclasses import replace

import pytest

from chalicelib.core.access import ApiKey, Scope, secret_hash
from chalicelib.core.ids import AccountId

AT = 1_000_000
KEY = ApiKey("key-1", AccountId("acme"), "tests", frozenset({Scope.READ}), "test", created_at=0)


@pytest.mark.parametrize(
    ("key", "is_valid"),
    [
        (KEY, True),
        (replace(KEY, expires_at=AT + 1), True),
        (replace(KEY, expires_at=AT), False),
        (replace(KEY, is_disabled=True), False),
        (replace(KEY, is_disabled=True, expires_at=AT + 1), False),
    ],
)
def test_a_key_is_valid_until_it_expires_or_is_disabled(key: ApiKey, is_valid: bool):
    assert key.is_valid(AT) is is_valid


def test_what_is_kept_of_a_secret_is_its_sha_256():
    assert secret_hash("a secret") == hashlib.sha256(b"a secret").hexdigest()


def test_a_secret_that_is_no_unicode_text_has_a_hash_too():
    assert secret_hash("\ud800") != secret_hash("\udfff")
