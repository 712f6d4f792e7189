from __future__ import annotations

import math
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from bigcommerce_integration.config import Config, read_config
from bigcommerce_integration.errors import ConfigError

from .host_app import ENCRYPTION_KEY

KEYS = {"BIGCOMMERCE_ENCRYPTION_KEYS": [ENCRYPTION_KEY]}


def test_defaults_are_those_of_the_dataclass() -> None:
    assert read_config({**KEYS, "SECRET_KEY": "x", "DEBUG": True}) == Config((ENCRYPTION_KEY,))


def test_given_settings_are_read_and_nothing_is_written_back() -> None:
    settings = {**KEYS, "BIGCOMMERCE_CONCURRENCY": 8, "BIGCOMMERCE_API_URL": "http://127.0.0.1:8080/"}
    before = dict(settings)
    config = read_config(settings)
    assert (config.concurrency, config.api_url) == (8, "http://127.0.0.1:8080")
    assert settings == before


@pytest.mark.parametrize("settings", [{}, {"BIGCOMMERCE_ENCRYPTION_KEYS": []}])
def test_missing_key_error_names_the_command_that_makes_one(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="python -m bigcommerce_integration generate-key"):
        read_config(settings)


@pytest.mark.parametrize("value", ["s3cret", ["s3cret"], [ENCRYPTION_KEY, "s3cret"], [b"s3cret"], None, [None], [5], 5])
def test_malformed_keys_are_refused_and_never_shown(value: Any) -> None:
    with pytest.raises(ConfigError, match="BIGCOMMERCE_ENCRYPTION_KEYS") as raised:
        read_config({"BIGCOMMERCE_ENCRYPTION_KEYS": value})
    assert "s3cret" not in str(raised.value)


def test_repr_shows_no_key() -> None:
    assert ENCRYPTION_KEY not in repr(read_config(KEYS))


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("BIGCOMMERCE_TIMEOUT", "BIGCOMMERCE_TIMEOUT_S"),
        ("BIGCOMMERCE_ENCRYPTION_KEY", "BIGCOMMERCE_ENCRYPTION_KEYS"),
        ("BIG_COMMERCE_API_URL", "BIGCOMMERCE_API_URL"),
        ("bigcommerce_api_url", "BIGCOMMERCE_API_URL"),
        ("BIGCOMERCE_API_URL", "BIGCOMMERCE_API_URL"),
        ("BIGCOMMERCE_TIMEOUT_SECONDS", "BIGCOMMERCE_TIMEOUT_S"),
        ("BIGCOMMERCE_RETENTION", "BIGCOMMERCE_RETENTION_DAYS"),
        ("BIGCOMMERCE_RETENTION_HOURS", "BIGCOMMERCE_RETENTION_DAYS"),
        ("BIGCOMMERCE_SYNC_INTERVAL", "BIGCOMMERCE_SYNC_INTERVAL_S"),
        ("BIGCOMMERCE_CONCURENCY", "BIGCOMMERCE_CONCURRENCY"),
    ],
)
def test_misspelt_setting_is_refused_and_the_right_one_named(key: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} is not a setting.*Did you mean {meant}\\?"):
        read_config({**KEYS, key: "x"})


@pytest.mark.parametrize(
    "name",
    [
        "CLIENT_ID", "CLIENT_SECRET", "STORE_HASH", "ACCESS_TOKEN", "API_KEY", "API_PATH", "APP_URL", "AUTH_URL",
        "WEBHOOK_SECRET", "REDIRECT_URI", "CHANNEL_ID", "CURRENCY", "RELEASE", "IMAGE_SIZE", "ENABLED", "SYNC",
    ],
)  # fmt: skip
@pytest.mark.parametrize("prefix", ["BIGCOMMERCE_", "bigcommerce_", "BIG_COMMERCE_"])
def test_other_keys_with_our_prefix_are_the_hosts_own(prefix: str, name: str) -> None:
    assert read_config({**KEYS, f"{prefix}{name}": "x"}) == read_config(KEYS)


@pytest.mark.parametrize("item", fields(Config), ids=lambda item: item.name)
def test_each_setting_is_known_again_when_mistyped(item: Field[Any]) -> None:
    right = f"BIGCOMMERCE_{item.name.upper()}"
    turned = f"{right[:13]}{right[14]}{right[13]}{right[15:]}"
    for key in (right.lower(), right.replace("_", ""), f"{right[:-3]}{right[-2:]}", turned):
        if key != right:
            with pytest.raises(
                ConfigError, match=f"{key} is not a setting.*Did you mean (\\w+ or )?{right}( or \\w+)?\\?"
            ):
                read_config({**KEYS, key: "x"})


def test_what_resembles_a_setting_says_what_else_to_do() -> None:
    with pytest.raises(ConfigError, match="If it is a setting of your own, give it another name"):
        read_config({**KEYS, "BIGCOMMERCE_TIMEOUT": 5})


def test_keys_of_the_host_that_only_look_a_little_like_ours_pass() -> None:
    read_config({**KEYS, "API_URL": "x", "TIMEOUT_S": 1, "ENCRYPTION_KEYS": [], "SHOPIFY_API_URL": "x", 5: "x"})  # type: ignore[dict-item]


NUMBERS = [
    "CONCURRENCY", "PAGE_SIZE", "TIMEOUT_S", "SLICE_S", "LEASE_S", "TICK_S", "QUOTA_RESERVE", "SYNC_INTERVAL_S",
    "SWEEP_INTERVAL_S", "LINK_INTERVAL_S", "OVERLAP_S", "MAX_DELETED_SHARE", "RETENTION_DAYS",
]  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["5", True, None, -1, math.nan, math.inf, [5]])
def test_a_number_must_be_one_within_its_bounds(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"BIGCOMMERCE_{name} must be"):
        read_config({**KEYS, f"BIGCOMMERCE_{name}": value})


@pytest.mark.parametrize(
    "settings", [{"PAGE_SIZE": 251}, {"PAGE_SIZE": 2.5}, {"CONCURRENCY": 0}, {"LEASE_S": 2}, {"SLICES": 0}]
)
def test_numbers_that_could_not_work_are_refused(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises(ConfigError, match=name):
        read_config({**KEYS, f"BIGCOMMERCE_{name}": settings[name]})


@pytest.mark.parametrize(
    "value",
    [
        "http://api.bigcommerce.com",
        "api.bigcommerce.com",
        "https://",
        "https://user:pw@api.bigcommerce.com",
        "https://api.bigcommerce.com?x=1",
        "https://api.bigcommerce.com:port",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "",
        None,
        5,
    ],
)
def test_the_api_url_must_be_https_unless_it_is_this_machine(value: Any) -> None:
    with pytest.raises(ConfigError, match="BIGCOMMERCE_API_URL must") as raised:
        read_config({**KEYS, "BIGCOMMERCE_API_URL": value})
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize(
    "value", ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "https://proxy.example"]
)
def test_good_api_urls(value: str) -> None:
    assert read_config({**KEYS, "BIGCOMMERCE_API_URL": value}).api_url == value


@pytest.mark.parametrize("value", ["KEEP", None, True, ""])
def test_person_data_is_keep_or_drop(value: Any) -> None:
    with pytest.raises(ConfigError, match="'keep' or 'drop'"):
        read_config({**KEYS, "BIGCOMMERCE_PERSON_DATA": value})
    assert read_config({**KEYS, "BIGCOMMERCE_PERSON_DATA": "drop"}).person_data == "drop"


@pytest.mark.parametrize("value", ["https://proxy:3128", "proxy:3128", "http://:hush@", 5, "http://a:hush@p:x"])
def test_a_proxy_that_is_none_is_refused_untold(value: Any) -> None:
    with pytest.raises(ConfigError, match="BIGCOMMERCE_PROXY_URL must be a URL such as") as raised:
        read_config({**KEYS, "BIGCOMMERCE_PROXY_URL": value})
    assert "hush" not in str(raised.value)


def test_a_missing_file_of_certificates_is_refused(tmp_path: Path) -> None:
    no_certificate = tmp_path / "bundle.pem"
    with pytest.raises(ConfigError, match=r"BIGCOMMERCE_CA_BUNDLE: .* cannot be read as a file of certificates"):
        read_config({**KEYS, "BIGCOMMERCE_CA_BUNDLE": str(no_certificate)})
    no_certificate.write_text("no certificate")
    with pytest.raises(ConfigError, match="BIGCOMMERCE_CA_BUNDLE"):
        read_config({**KEYS, "BIGCOMMERCE_CA_BUNDLE": str(no_certificate)})
    with pytest.raises(ConfigError, match="must be the path of a file"):
        read_config({**KEYS, "BIGCOMMERCE_CA_BUNDLE": True})


def test_proxy_and_bundle_may_be_none() -> None:
    config = read_config({**KEYS, "BIGCOMMERCE_PROXY_URL": None, "BIGCOMMERCE_CA_BUNDLE": None})
    assert (config.proxy_url, config.ca_bundle) == (None, None)
