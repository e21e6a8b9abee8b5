"""E-mail as bytes: headers nobody can inject into, text that arrives as approved, an envelope that finds home."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers import mail
from notifiers.answers import Reason, Refusal
from tocsin.errors import Misconfigured

SENDER = mail.Sender(address="privacy@notices.example", name="Müller & 王, Office", bounce_domain="bounces.example")


def read(letter):
    return email.message_from_bytes(letter.content, policy=email.policy.default)


def compose(message, at, sender=SENDER):
    return mail.compose(message, sender, now=at())


def test_a_letter_has_the_headers_of_an_automatic_notice(a_message, at):
    message = a_message(to="wang.fang@example.org")

    letter = read(compose(message, at))

    assert letter["To"] == "wang.fang@example.org"
    assert letter["From"].addresses[0].display_name == "Müller & 王, Office"
    assert letter["From"].addresses[0].addr_spec == "privacy@notices.example"
    assert letter["Message-ID"] == f"<{message.key}@notices.example>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["List-Id"] == "<notices.notices.example>"
    assert letter["Content-Language"] == "zh"
    assert letter["Date"].datetime.isoformat() == "2026-11-22T09:30:00+00:00"
    assert letter["Subject"] == "您的数据被泄露"
    assert not letter.defects


def test_text_and_html_stand_side_by_side_with_the_text_first(a_message, at):
    letter = read(compose(a_message(text="纯文本\n", html="<b>网页</b>"), at))

    assert letter.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    assert letter.get_body(("plain",)).get_content().strip() == "纯文本"
    assert letter.get_body(("html",)).get_content().strip() == "<b>网页</b>"


def test_a_letter_without_html_is_plain_text(a_message, at):
    letter = read(compose(a_message(html=None, text="只有文字"), at))

    assert letter.get_content_type() == "text/plain"
    assert letter.get_content().strip() == "只有文字"


@given(text=st.text(), subject=st.text(), language=st.text())
def test_no_text_can_change_the_headers(text, subject, language):
    import pendulum

    from tocsin.delivery import Channel, Message

    message = Message(
        key="ab" * 32, channel=Channel.EMAIL, language=language, place="CN", to="a@example.org", subject=subject,
        text=text, html=text,
    )  # fmt: skip
    letter = mail.compose(message, SENDER, now=pendulum.datetime(2026, 11, 22))
    read_back = email.message_from_bytes(letter.content, policy=email.policy.compat32)

    allowed = {"from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version"}
    allowed |= {"content-type", "content-language", "list-id"}
    names = [name.lower() for name in read_back]
    assert len(names) == len(set(names))
    assert set(names) <= allowed
    assert all(len(line) <= 998 for line in letter.content.split(b"\r\n"))
    assert b"\n" not in letter.content.replace(b"\r\n", b"")
    assert not any(line.startswith(b".") for line in letter.content.split(b"\r\n"))


@pytest.mark.parametrize(
    "nasty",
    [
        "hello\r\nBcc: everyone@example.org",
        "hello\nBcc: everyone@example.org\n\n<script>",
        "\r\n.\r\nMAIL FROM:<x@y>\r\n",
        "--=_tocsin\r\nContent-Type: text/html\r\n\r\nowned",
        "--=_tocsin--",
        "=?utf-8?q?=0D=0ABcc:_x=40y.example?=",
        "\x00\x0b\x0c\x1c\x85\u2028\u2029Bcc: x@y.example",
        "A" * 5000,
        "．" * 5000,
        "{{ 7*7 }}${7*7}%(key)s",
        "\ufeff\u202eevil",
        ".",
    ],
)
def test_nasty_texts_stay_texts(a_message, at, nasty):
    letter = compose(a_message(subject=nasty, text=nasty, html=nasty, language=nasty), at)
    read_back = read(letter)

    assert read_back["Bcc"] is None
    assert [part.get_content_type() for part in read_back.iter_parts()] == ["text/plain", "text/html"]
    wanted = nasty.replace("\r\n", "\n").replace("\n", "\r\n")
    assert [part.get_content() for part in read_back.iter_parts()] == [wanted + "\r\n"] * 2
    assert all(len(line) <= 998 and not line.startswith(b".") for line in letter.content.split(b"\r\n"))
    assert not letter.sender.count("\n")


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=2000))
def test_text_arrives_to_the_letter(text):
    import pendulum

    from tocsin.delivery import Channel, Message

    message = Message(
        key="ab" * 32, channel=Channel.EMAIL, language="zh", place="CN", to="a@example.org", subject="x", text=text
    )
    letter = mail.compose(message, SENDER, now=pendulum.datetime(2026, 11, 22))
    part = email.message_from_bytes(letter.content)

    assert part.get_payload(decode=True).decode() == text + "\r\n"


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org\nBcc: b@example.org",
        "a@example.org\r\n.\r\nMAIL FROM:<x@y>",
        "a@example.org, b@example.org",
        "a@example.org>",
        "<a@example.org>",
        '"a b"@example.org',
        "a(b)@example.org",
        "a@b@example.org",
        "a\x00b@example.org",
        "a\u2028b@example.org",
        "@example.org",
        "a@",
        "a@-example.org",
        "a@exam ple.org",
        "a@[127.0.0.1]",
        ".a@example.org",
        "a..b@example.org",
        f"{'a' * 65}@example.org",
        f"a@{'a' * 64}.org",
        "",
    ],
)
def test_what_is_not_one_plain_address_is_refused(address):
    with pytest.raises(Refusal) as refused:
        mail.readdress(address)

    assert refused.value.reason is Reason.ADDRESS_INVALID


def test_a_domain_in_other_letters_is_written_in_ascii():
    assert mail.readdress("info@bücher.example") == "info@xn--bcher-kva.example"


def test_a_local_part_in_other_letters_needs_an_international_server(a_message, at):
    letter = compose(a_message(to="王芳@例子.example"), at)

    assert letter.international
    assert letter.recipient == "王芳@xn--fsqu00a.example"
    assert "To: 王芳@xn--fsqu00a.example".encode() in letter.content


def test_the_envelope_sender_names_the_message_and_nobody_else(a_message, at):
    message = a_message()

    sender = compose(message, at).sender

    assert sender.endswith("@bounces.example")
    assert len(sender.partition("@")[0]) <= 64
    assert mail.key_of_return_path(sender) == message.key
    assert mail.key_of_return_path(sender.upper()) == message.key, "relays may change the case of an address"


def test_without_a_bounce_domain_bounces_go_to_the_sender(a_message, at):
    plain = mail.Sender(address="privacy@notices.example", name=None)

    assert compose(a_message(), at, plain).sender == "privacy@notices.example"


@given(st.binary(min_size=1, max_size=32))
def test_every_key_survives_the_way_out_and_back(raw):
    path = mail._return_path(raw.hex(), SENDER)

    if len(raw) >= 3:
        assert mail.key_of_return_path(path) == raw.hex()
    assert len(path.partition("@")[0]) <= 64


@pytest.mark.parametrize("address", ["privacy@notices.example", "bounce+@x", "bounce+1890@x", "bounce+abc@x", ""])
def test_an_address_that_we_did_not_make_names_no_message(address):
    assert mail.key_of_return_path(address) is None


@pytest.mark.parametrize("name", ["Bcc", "to", "Message-ID", "X-A: b\r\nBcc", "", "Größe"])
def test_a_providers_url_cannot_set_our_headers(name):
    with pytest.raises(Misconfigured):
        mail.checked_headers({name: "x"}, provider="post")


def test_a_providers_extra_header_is_encoded(a_message, at):
    sender = mail.Sender(address="a@b.example", name=None, headers=(("X-Campaign", "泄露\r\nBcc: x@y.example"),))

    letter = read(compose(a_message(), at, sender))

    assert letter["X-Campaign"] == "泄露 Bcc: x@y.example"
    assert letter["Bcc"] is None


def test_reply_to_goes_where_the_provider_says(a_message, at):
    sender = mail.Sender(address="a@b.example", name=None, reply_to=("dpo@b.example",))

    assert read(compose(a_message(), at, sender))["Reply-To"] == "dpo@b.example"
