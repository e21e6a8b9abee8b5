"""Bounces in a mailbox: read over IMAP, each once, and nothing in the mailbox is changed."""

import asyncio
import base64
import os
import re
import ssl
import threading
from pathlib import Path

import pytest
import yaml

from db import events
from flows import settings, wiring
from flows.installing import install
from flows.steps import collecting, mailboxes
from notifiers.bounces import mailbox
from tocsin.errors import Misconfigured, Unavailable

CORPUS = Path(os.environ.get("TOCSIN_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "06-delivery"
BOUNCE = """From: MAILER-DAEMON@relay.example
To: {to}
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It failed.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; someone@example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b--
"""


def a_bounce(number=0, domain="bounces.example"):
    tag = base64.b32encode(number.to_bytes(32)).decode().rstrip("=").lower()
    return BOUNCE.format(to=f"bounce+{tag}@{domain}").replace("\n", "\r\n").encode()


class Imap:
    """As much of a server (RFC 3501) as reading needs; what would change the mailbox is refused and remembered."""

    def __init__(self):
        self.validity, self.next = 7, 1
        self.mails: dict[int, bytes] = {}
        self.commands: list[str] = []
        self.refused: set[int] = set()
        self.hang_up_at = ""
        self.port = 0

    def deliver(self, raw):
        self.mails[self.next] = raw
        self.next += 1

    def start(self, context=None):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self):
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        writer.write(b"* OK ready\r\n")
        while line := await reader.readline():
            tag, _, command = line.decode().strip().partition(" ")
            self.commands.append(command)
            if self.hang_up_at and self.hang_up_at in command:
                break
            writer.write(self._answer(command).replace(b"TAG", tag.encode()))
            if command == "LOGOUT":
                break
        writer.close()

    def _answer(self, command):
        verb = command.split()[0]
        if verb == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1 IMAP4rev2\r\nTAG OK done\r\n"
        if verb == "LOGIN":
            right = command == 'LOGIN box@corp.example "hunter2 \\"quoted\\""'
            return b"TAG OK done\r\n" if right else b"TAG NO [AUTHENTICATIONFAILED] hunter2 is wrong\r\n"
        if command == 'EXAMINE "INBOX"':
            return b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] ok\r\nTAG OK [READ-ONLY] done\r\n" % (
                len(self.mails),
                self.validity,
            )
        if command.startswith("UID SEARCH UID "):
            since = int(re.findall(r"\d+", command)[0])
            found = [uid for uid in self.mails if uid >= since] or list(self.mails)[-1:]
            return b"* SEARCH %s\r\nTAG OK done\r\n" % " ".join(map(str, found)).encode()
        if command.startswith("UID FETCH "):
            return self._fetched(command)
        return b"* BYE\r\nTAG OK done\r\n" if command == "LOGOUT" else b"TAG NO not here\r\n"

    def _fetched(self, command):
        _, _, uids, what = command.split(" ", 3)
        said = b""
        for uid in map(int, uids.split(",")):
            raw = self.mails.get(uid, b"")
            if what == "(RFC822.SIZE)" and raw:
                said += b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, uid, len(raw))
            elif what == "(BODY.PEEK[])" and raw and uid not in self.refused:
                said += b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (uid, uid, len(raw), raw)
        return said + b"TAG OK done\r\n"


@pytest.fixture
def server():
    started = Imap().start()
    yield started
    started.stop()


@pytest.fixture
def house(tmp_path, server, monkeypatch):
    """A house on SQLite with one account for letters and the mailbox of `server`."""
    monkeypatch.delenv("TOCSIN_DATABASE_URL", raising=False)
    folder = tmp_path / "home"
    account = {"channel": "email", "url": "mailto://127.0.0.1:9/{to}?from=a@notices.example", "places": "*"}
    first, second = ({"name": name, **account} for name in ("first", "second"))
    install(folder, providers=[first, {**second, "bounce_domain": "bounces.example"}])
    _set(folder, bounce_mailbox=_url(server.port))
    made = wiring.assemble(folder)
    made.database.check()
    yield made
    made.database.close()


def _url(port, scheme="imap"):
    return f"{scheme}://box@corp.example:hunter2%20%22quoted%22@127.0.0.1:{port}/INBOX".replace("box@", "box%40", 1)


def _set(folder: Path, **more):
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **more}))


def stored(house):
    with house.database.reading() as session:
        return [one for name in ("first", "second") for one in events.pending(session, name, 1000)]


def later(house, minutes=1):
    return house.now().add(minutes=minutes)


def test_each_bounce_is_stored_once_and_the_mailbox_stays_as_it_is(house, server):
    for number in range(60):
        server.deliver(a_bounce(number))
    assert mailboxes.fetch(house, now=house.now()) == ()
    found = stored(house)
    assert len(found) == 60
    assert {one.provider for one in found} == {"second"}
    assert {one.receipt.key for one in found} == {f"{number:064x}" for number in range(60)}
    server.deliver(a_bounce(60))
    mailboxes.fetch(house, now=later(house))
    mailboxes.fetch(house, now=later(house, 2))
    assert len(stored(house)) == 61
    bodies = [command for command in server.commands if "BODY.PEEK" in command]
    assert len(bodies) == len(set(bodies)) == 61
    assert not [command for command in server.commands if re.search(r"SELECT|STORE|MOVE|EXPUNGE|BODY\[", command)]


def test_it_is_asked_once_a_minute_however_many_collect(house, server):
    collecting.collect(house, now=house.now())
    collecting.collect(house, now=house.now())
    assert server.commands.count("LOGOUT") == 1


def test_a_mailbox_that_was_made_anew_is_read_from_its_start_and_nothing_counts_twice(house, server):
    for number in range(3):
        server.deliver(a_bounce(number))
    mailboxes.fetch(house, now=house.now())
    server.validity, server.mails, server.next = 8, {}, 1
    server.deliver(a_bounce(2))
    server.deliver(a_bounce(3))
    mailboxes.fetch(house, now=later(house))
    assert len(stored(house)) == 4


def test_what_nobody_can_read_is_counted_and_hides_nothing(house, server, monkeypatch):
    monkeypatch.setattr(mailbox, "MOST_BYTES", 5000)
    server.deliver(b"Subject: long\r\n\r\n" + b"x" * 6000)
    server.deliver(a_bounce(1))
    server.deliver(b"poison")
    server.deliver(a_bounce(2))
    server.refused.add(2)
    real = mailboxes.bounces.events

    def poisoned(raw, **more):
        if raw == b"poison":
            raise RecursionError
        return real(raw, **more)

    monkeypatch.setattr(mailboxes.bounces, "events", poisoned)
    said = mailboxes.fetch(house, now=house.now())
    assert said == ("3 messages in the bounce mailbox cannot be read: look at them yourself.",)
    assert [one.receipt.key for one in stored(house)] == [f"{2:064x}"]
    assert mailboxes.fetch(house, now=later(house)) == ()


def test_letters_to_us_that_are_about_nothing_of_ours_are_passed_over(house, server):
    server.deliver(b"From: a@b.example\r\nTo: privacy@corp.example\r\nSubject: a question\r\n\r\nWho are you?\r\n")
    server.deliver(BOUNCE.format(to="other@corp.example").encode())
    assert mailboxes.fetch(house, now=house.now()) == ()
    assert stored(house) == []


@pytest.mark.parametrize("where", ["LOGIN", "EXAMINE", "SEARCH", "RFC822.SIZE", "UID FETCH 26 (BODY"])
def test_a_server_that_hangs_up_is_asked_again_and_nothing_is_lost(house, server, where):
    for number in range(30):
        server.deliver(a_bounce(number))
    server.hang_up_at = where
    (said,) = mailboxes.fetch(house, now=house.now())
    assert said == "The bounce mailbox at 127.0.0.1 cannot be read now: it is tried again."
    server.hang_up_at = ""
    mailboxes.fetch(house, now=later(house))
    assert len(stored(house)) == 30


def test_a_wrong_password_is_said_without_it(house, server):
    _set(house.folder, bounce_mailbox=_url(server.port).replace("hunter2", "hunter3"))
    locked_out = wiring.assemble(house.folder)
    (said,) = mailboxes.fetch(locked_out, now=locked_out.now())
    locked_out.database.close()
    assert said == "The bounce mailbox at 127.0.0.1 does not let us in: correct bounce_mailbox."
    assert "hunter3" not in repr(locked_out.settings)


@pytest.mark.parametrize(
    "url",
    [
        "pop3://u:hunter3@h/INBOX",
        "imaps://hunter3@h",
        "imaps://u:hunter3@h:port/INBOX",
        "imaps://u%0d%0aX:hunter3@h/INBOX",
        "imaps://u:hunter3%0a@h/INBOX",
        "imaps://u:hunter3@h/IN%0dBOX",
        "imaps://u:hunter3@h/INBOX?x=1",
        "hunter3",
    ],
)
def test_a_url_that_is_none_is_refused_and_not_quoted(tmp_path, url):
    with pytest.raises(Misconfigured) as error:
        settings.parse({"bounce_mailbox": url}, home=tmp_path, source="settings.yaml")
    assert "bounce_mailbox" in str(error.value)
    assert "hunter3" not in str(error.value)


def test_tls_is_believed_only_where_the_certificate_is(certificate, monkeypatch):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    started = Imap().start(context)
    started.deliver(a_bounce())
    box = mailbox.parsed(_url(started.port, "imaps"))
    with pytest.raises(Unavailable):
        list(mailbox.batches(box, None))
    assert started.commands == []
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert [len(batch.messages) for batch in mailbox.batches(box, None)] == [1]
    started.stop()


def test_a_server_elsewhere_gets_no_password_before_tls(server, monkeypatch):
    monkeypatch.setattr(mailbox, "_is_here", lambda _host: False)
    with pytest.raises(Unavailable):
        list(mailbox.batches(mailbox.parsed(_url(server.port)), None))
    assert not [command for command in server.commands if "LOGIN" in command]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of bounces is not here")
def test_wild_bounces_come_through_as_they_are_and_none_is_poison(house, server):
    wild = [path.read_bytes() for path in sorted(CORPUS.rglob("*.eml"))[:150]]
    for raw in wild:
        server.deliver(raw)
    box = mailbox.parsed(_url(server.port))
    read = [raw for batch in mailbox.batches(box, None) for raw in batch.messages]
    assert read == [raw for raw in wild if len(raw) <= mailbox.MOST_BYTES]
    assert mailboxes.fetch(house, now=house.now()) == ()
