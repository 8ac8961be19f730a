"""Keys that cannot be right stop the start, with a sentence that names the variable."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from backend.errors import ConfigError
from backend.payments.wechat_crypto import Opener, load_signer, load_verifier
from simulator.keys import WorldKeys

Pem = serialization.PrivateFormat
MERCHANT, VERIFY = "PREWATT_WECHATPAY_MERCHANT_KEY_FILE", "PREWATT_WECHATPAY_VERIFY_KEYS"


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: Pem = Pem.PKCS8) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@pytest.mark.parametrize("form", [Pem.PKCS8, Pem.TraditionalOpenSSL])
def test_both_forms_of_a_merchant_key_are_read(world_keys: WorldKeys, tmp_path: Path, form: Pem) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(private_pem(world_keys.merchant_key, form))

    same = load_signer("1600", "AB", world_keys.merchant_key_file).sign(b"text")
    assert load_signer("1600", "AB", file).sign(b"text") == same


def _locked(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, Pem.PKCS8, serialization.BestAvailableEncryption(b"secret")
    )


BAD_MERCHANT_KEYS: list[Callable[[WorldKeys], bytes]] = [
    lambda keys: b"",
    lambda keys: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    lambda keys: keys.public_key_file.read_bytes(),
    lambda keys: _locked(keys.merchant_key),
    lambda keys: private_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    lambda keys: private_pem(ec.generate_private_key(ec.SECP256R1())),
]


@pytest.mark.parametrize("make", BAD_MERCHANT_KEYS)
def test_a_merchant_key_that_cannot_be_is_refused(
    world_keys: WorldKeys, tmp_path: Path, make: Callable[[WorldKeys], bytes]
) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(make(world_keys))

    with pytest.raises(ConfigError, match=MERCHANT) as refused:
        load_signer("1600", "AB", file)
    assert refused.value.__cause__ is None  # A parser's error may quote the key.


def test_a_missing_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=MERCHANT):
        load_signer("1600", "AB", tmp_path / "none.pem")


def bad_verify_keys(keys: WorldKeys) -> list[dict[str, Path]]:
    public, certificate = keys.public_key_file, keys.platform_certificate_file
    return [
        {},
        {"PUB_KEY_ID_1": certificate},
        {"not-hexadecimal": public},
        {"ABCDEF": certificate},  # The certificate says another serial.
        {"PUB_KEY_ID_1": keys.merchant_key_file},
        {"PUB_KEY_ID_1": public.with_name("none.pem")},
    ]


@pytest.mark.parametrize("number", range(6))
def test_a_verify_key_that_cannot_be_is_refused(world_keys: WorldKeys, number: int) -> None:
    with pytest.raises(ConfigError, match=VERIFY):
        load_verifier(bad_verify_keys(world_keys)[number])


def test_a_serial_may_be_written_in_small_letters_or_with_zeros(world_keys: WorldKeys) -> None:
    serial = "0" + world_keys.platform_serial.lower()

    assert load_verifier({serial: world_keys.platform_certificate_file}).public_key_id is None


@pytest.mark.parametrize("key", ["", "k" * 31, "k" * 33, "密" * 11])
def test_an_apiv3_key_has_thirty_two_bytes(key: str) -> None:
    with pytest.raises(ConfigError, match="PREWATT_WECHATPAY_APIV3_KEY"):
        Opener(key)
