"""A person's own data on the wire: a name is a name or is not said, and one message is for one person."""

import contextlib
import email
import email.policy
import json

import pytest

from documents import notices
from notifiers import fakes
from notifiers.channels import open_notifier
from tocsin.delivery import Channel

OTHERS = "\ue000"  # the mark where another person's name would stand
HOSTILE = {
    "crlf": "Ann\r\nBcc: all@example.com",
    "bare line feed": "Ann\nSubject: gone",
    "end of the text": "Ann\r\n.\r\nMAIL FROM:<x@y.example>\r\n",
    "header": "Bcc: all@example.com",
    "encoded word": "=?utf-8?q?=0D=0ABcc:_x=40y.example?=",
    "boundary": "--=_tocsin\r\nContent-Type: text/html\r\n\r\nowned",
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "entity": "&lt;script&gt;",
    "jinja": "{{ 7*7 }}",
    "jinja block": "{% for x in y %}",
    "format": "{0.__class__} %(key)s ${key}",
    "json": '","to":"everyone","x":"',
    "rtl override": "Ann\u202egnp.exe",
    "isolate": "Ann\u2067",
    "nul": "Ann\x00Bcc",
    "escape": "Ann\x1b[2J",
    "ten kilobytes": "Ann " * 2500,
    "another's place": f"{OTHERS} \ue001",
    "lone surrogate": "Ann\udcff",
}
HONEST = "O’Brien-Müller 王芳"
TEXT = notices.NoticeText(
    language="en",
    title="Notice of Data Breach",
    situation="Someone copied data.",
    impact="Your phone number is affected.",
    measures="We closed the server.",
    advice="Be careful.",
    remedies="We replace the lock.",
    contact="Write to privacy@example.com.",
    short="Your data are affected. Read https://example.com/notice",
)


def for_person(a_message, channel, to, name, key="ab" * 32):
    made = notices.render(TEXT, person_name=name, channel=channel, code="AB12")
    return a_message(channel, to, key=key, language="en", subject=made.subject, text=made.text, html=made.html)


@pytest.fixture
def letters(relay, a_provider, a_message, at):
    """Sends a letter to a person of each name over one session; what the server was told and given."""

    def sent(names):
        provider = a_provider(f"mailto://127.0.0.1:{relay.port}/{{to}}?from=privacy@notices.example&mode=insecure")
        with contextlib.closing(open_notifier(provider, now=at)) as notifier:
            for number, name in enumerate(names):
                key = f"{number:064x}"
                notifier.send(for_person(a_message, Channel.EMAIL, f"p{number}@example.org", name, key))
        return relay.commands, [email.message_from_bytes(text, policy=email.policy.default) for text in relay.texts]

    return sent


def test_no_name_changes_a_letter_but_where_it_is_greeted(letters):
    commands, found = letters([None, HONEST, *HOSTILE.values()])

    plain, greeted, *hostile = found
    assert [one["To"] for one in found] == [f"p{number}@example.org" for number in range(len(found))]
    assert [line for line in commands if line.startswith("RCPT")] == [
        line for number in range(len(found)) for line in commands if f"<p{number}@" in line
    ]
    assert sum(line.startswith("RCPT") for line in commands) == sum(line.startswith("MAIL") for line in commands)
    assert sum(line.startswith("RCPT") for line in commands) == len(found)
    assert {tuple(sorted(one.keys())) for one in found} == {tuple(sorted(plain.keys()))}
    assert not {"Cc", "Bcc"} & set(plain.keys())
    assert {one["Subject"] for one in found} == {plain["Subject"]}
    for kind in ("plain", "html"):
        bodies = [one.get_body((kind,)).get_content() for one in found]
        assert HONEST in bodies[1].replace("&#x27;", "'")
        assert bodies[2:] == [bodies[0]] * len(hostile), kind
    assert greeted["To"] == "p1@example.org"


@pytest.mark.parametrize("channel", [Channel.PUSH, Channel.SMS, Channel.PHONE])
def test_no_name_reaches_a_screen_that_others_may_see(channel, running, a_message, at, outbox_of):
    provider = next(each for each in fakes.providers(running, ("*", "CN")) if each.channel is channel)
    before = len(outbox_of(channel))
    to = "token-hostile" if channel is Channel.PUSH else "+14158881234"
    with contextlib.closing(open_notifier(provider, now=at)) as notifier:
        for number, name in enumerate([None, HONEST, *HOSTILE.values()]):
            notifier.send(for_person(a_message, channel, to, name, f"{channel.value.encode().hex():0<60}{number:04x}"))

    lines = outbox_of(channel)[before:]

    assert len(lines) == len(HOSTILE) + 2
    assert {line["to"] for line in lines} == {to}
    assert {json.dumps([line["title"], line["body"]]) for line in lines} == {
        json.dumps([lines[0]["title"], lines[0]["body"]])
    }
    assert TEXT.short in lines[0]["body"]


def test_one_persons_words_never_stand_in_anothers_message(letters):
    names = ["Ann", OTHERS, "Bob", f"Bob {OTHERS}", "王芳"]

    _, found = letters(names)

    greeted = [
        [name for name in ("Ann", "Bob", "王芳") if name in one.get_body(("plain",)).get_content()] for one in found
    ]
    assert greeted == [["Ann"], [], ["Bob"], [], ["王芳"]]
