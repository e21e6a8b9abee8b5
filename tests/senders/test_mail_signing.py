"""Letters that are signed: what a verifier makes of them."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from notifiers import dkim, mail
from notifiers.channels import open_carrier
from notifiers.dispatch import dispatch
from notifiers.journal import Journal
from tocsin.errors import Misconfigured

SENDER = mail.Sender(
    address="privacy@notices.example", name="Müller & 王", reply_to=("dpo@notices.example",),
    headers=(("X-Campaign", "two  blanks"), ("X-Long", "word " * 40)),
)  # fmt: skip
PEM = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
RSA = rsa.generate_private_key(65537, 2048)
EDWARDS = ed25519.Ed25519PrivateKey.generate()


def record(key):
    """The TXT record of the key."""
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public.public_bytes(*form))
    return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(public.public_bytes_raw())


def a_letter(a_message, at, **changes):
    return mail.compose(a_message(subject="您的数据  被泄露 " * 12, **changes), SENDER, now=at()).content


@pytest.mark.parametrize("key", [RSA, EDWARDS], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("html", ["<p>泄露</p>", None], ids=["multipart", "text"])
def test_a_verifier_finds_the_signature_good_and_any_change_bad(a_message, at, key, html):
    verifier = pytest.importorskip("dkim", reason="dkimpy is not installed")
    if key is EDWARDS:
        pytest.importorskip("nacl", reason="dkimpy checks Ed25519 by PyNaCl")
    signed = dkim.Signer("notices.example", "s1", key).signed(a_letter(a_message, at, html=html))

    def holds(letter):
        return verifier.verify(letter, dnsfunc=lambda *_, **__: record(key))

    assert holds(signed)
    assert not holds(signed.replace(b"To: someone@", b"To: anyone@"))
    assert not holds(signed.replace(b"\r\n\r\n", b"\r\n\r\nx", 1))
    assert not holds(b"From: other@example.org\r\n" + signed)


def test_a_signature_names_what_it_covers(a_message, at):
    content = a_letter(a_message, at)
    signed = dkim.Signer("notices.example", "s1", EDWARDS).signed(content)

    assert signed.endswith(content)
    head = signed[: -len(content)].decode()
    assert head.startswith("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=notices.example; s=s1;\r\n h=")
    for name in ("from", "to", "subject", "date", "message-id", "list-id", "auto-submitted", "content-type"):
        assert f"{name}:" in head
    assert base64.b64encode(hashlib.sha256(content.split(b"\r\n\r\n", 1)[1]).digest()).decode() in head
    assert all(len(line) <= 998 for line in head.split("\r\n"))


def test_a_provider_with_a_key_signs_what_it_sends(relay, a_provider, a_message, at, tmp_path):
    (tmp_path / "key.pem").write_bytes(EDWARDS.private_bytes(*PEM))
    url = f"mailto://127.0.0.1:{relay.port}/{{to}}?from=privacy@notices.example&mode=insecure"
    signing = {"domain": "notices.example", "selector": "s1", "key_file": tmp_path / "key.pem"}

    with Journal(tmp_path / "journal") as journal:
        list(dispatch([a_message()], a_provider(url, dkim=signing), journal=journal, now=at))

    assert relay.texts[0].startswith(b"DKIM-Signature: v=1; a=ed25519-sha256;")


@pytest.mark.parametrize("content", [b"no key", None])
def test_a_key_that_cannot_be_read_is_said(a_provider, at, tmp_path, content):
    if content is not None:
        (tmp_path / "key.pem").write_bytes(content)
    signing = {"domain": "notices.example", "selector": "s1", "key_file": tmp_path / "key.pem"}

    with pytest.raises(Misconfigured, match="key_file"):
        open_carrier(a_provider(dkim=signing), now=at)
