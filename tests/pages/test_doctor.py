"""`tocsin doctor`: each check with its fault planted, and without."""

import contextlib
import datetime as dt
import http.server
import inspect
import shutil
import socket
import socketserver
import sqlite3
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest

from flows import wiring
from flows.drill import filing
from flows.drill.filing import Held
from flows.steps import checkups
from flows.steps.checkups import CHECKS
from notifiers import reaching

MAIL = {"name": "mail", "channel": "email", "places": "*", "url": "mailto://u:p@127.0.0.1:9/{to}?from=a@example.com"}
PUSH = {"name": "push", "channel": "push", "places": "*", "url": "gateway://very-secret@127.0.0.1:9/push/?to={to}"}
STAFF = {"lin-wei": {"name": "Lin Wei", "urls": ["json://127.0.0.1:9/x"], "groups": ["responders"]}}
RECEIVER = {"provider": "mail", "service": "sendgrid"}


def looked(tocsin: Any, check: str, *, plan: str | None = None, online: bool = False) -> list[tuple[str, str]]:
    """What is said of one check: levels and sentences."""
    with wiring.opened(tocsin.home) as house:
        seen = checkups.run(house, plans=[plan] if plan else (), offline=not online)
    assert all(one.finding.todo for one in seen if one.finding.level != "ok")
    return [(str(one.finding.level), one.finding.said) for one in seen if one.check == check]


def sql(tocsin: Any, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(tocsin.home / "tocsin.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_new_installation_fails_nowhere_and_each_check_says_something(tocsin: Any) -> None:
    done = tocsin("doctor", "--json", "--offline")

    assert done.code == 0
    assert list(dict.fromkeys(one["check"] for one in done.json)) == [check.name for check in CHECKS]
    assert {one["check"] for one in done.json if one["level"] == "warn"} == {
        "watch", "providers", "hosts", "people", "approvers"
    }  # fmt: skip


def test_looking_changes_nothing(tocsin: Any) -> None:
    before = tocsin.record()
    tocsin.ok("doctor", "--offline")
    assert tocsin.record() == before


def test_lines_for_people_end_in_a_sum(tocsin: Any) -> None:
    lines = tocsin.ok("doctor", "--offline").out.splitlines()
    assert lines[-1].startswith("0 fail, 5 to look at, ")
    assert any(line.startswith("warn people") for line in lines)


def _settings(**values: Any) -> Callable[[Any], None]:
    return lambda tocsin: tocsin.change_settings(**values)


def _broken_settings(tocsin: Any) -> None:
    (tocsin.home / "settings.yaml").write_text("providers: {")


def _readable(name: str) -> Callable[[Any], None]:
    return lambda tocsin: (tocsin.home / name).chmod(0o644)


def _open_house(tocsin: Any) -> None:
    tocsin.home.chmod(0o755)
    (tocsin.home / "tocsin.db").chmod(0o644)


def _in_its_place(name: str) -> Callable[[Any], None]:
    return lambda tocsin: (tocsin.home / name).write_text("a file")


def _newer(tocsin: Any) -> None:
    sql(tocsin, "UPDATE alembic_version SET version_num = '9999'")


def _no_writing(tocsin: Any) -> None:
    sql(tocsin, "CREATE TRIGGER no BEFORE INSERT ON heartbeat BEGIN SELECT RAISE(ABORT, 'no'); END")


def _other_key(tocsin: Any, declare: Any) -> None:
    declare(tocsin)
    (tocsin.home / "master.key").write_text("A" * 43 + "=")


def _changed_ledger(tocsin: Any, declare: Any) -> None:
    declare(tocsin)
    sql(
        tocsin,
        *_without_triggers(tocsin),
        """UPDATE ledger_event SET data = replace(data, '"drill":false', '"drill":true ') WHERE seq = 1""",
        "UPDATE ledger_event SET actor = 'somebody else' WHERE seq = 2",
    )


def _cut_ledger(tocsin: Any, declare: Any) -> None:
    incident = declare(tocsin)
    tocsin.ok("close", incident, "--reason", "A test")  # closing signs the end
    sql(tocsin, *_without_triggers(tocsin), "DELETE FROM ledger_event WHERE type = 'incident.closed'")


def _without_triggers(tocsin: Any) -> list[str]:
    with contextlib.closing(sqlite3.connect(tocsin.home / "tocsin.db")) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    return [f"DROP TRIGGER {name}" for (name,) in names]


def _silent_watch(tocsin: Any) -> None:
    tocsin.change_settings(simulated_clock=True)
    tocsin.ok("watch", "--once")
    tocsin.set_clock(wiring.now().add(minutes=6))


def _declared(tocsin: Any, declare: Any) -> None:
    declare(tocsin)


def _old_duties(tocsin: Any, declare: Any) -> None:
    declare(tocsin)
    sql(tocsin, "UPDATE duty SET facts_version = 0")


def _dead_claim(tocsin: Any, declare: Any) -> None:
    incident = declare(tocsin)
    person = "incident_id, id, wave, ref, place, language, sealed, has_push, has_email, has_sms, has_phone"
    attempt = "incident_id, key, person_id, wave, channel, provider, outcome, tries, claimed_at, claim_owner"
    long_ago = 1_000_000
    sql(
        tocsin,
        f"INSERT INTO person ({person}, excluded_channels) "
        f"VALUES ('{incident}', 1, 1, 'r', 'DE', 'en', x'00', 0, 1, 0, 0, '[]')",
        f"INSERT INTO attempt ({attempt}, claim_until, text_hash) VALUES ('{incident}', 'k', 1, 1, 'email', 'mail', "
        f"'claimed', 1, {long_ago}, 'dead', {long_ago}, 'h')",
    )


def _account(tocsin: Any) -> None:
    tocsin.ok("people", "add", "Lin Wei", "--role", "administrator")


PLAN = "conex-easykey"
FAULTS = {
    "settings-torn": ("settings", _broken_settings, "fail", "not readable as YAML", None),
    "settings-clock": ("settings", _settings(simulated_clock=True), "warn", "can be moved", None),
    "settings-mode": ("private-files", _readable("settings.yaml"), "fail", "settings.yaml can be read by others", None),
    "key-mode": ("private-files", _readable("master.key"), "fail", "master.key can be read by others", None),
    "database-mode": ("private-files", _open_house, "warn", "tocsin.db can be read by others", None),
    "public": ("folders", _in_its_place("public"), "fail", "public is not a folder", None),
    "papers": ("folders", _in_its_place("papers"), "fail", "papers is not a folder", None),
    "no-database": ("database", lambda t: (t.home / "tocsin.db").unlink(), "fail", "There is no database", None),
    "migrations": ("database", _newer, "fail", "newer Tocsin", None),
    "write": ("write", _no_writing, "fail", "", None),
    "no-key": ("keys", lambda t: (t.home / "master.key").unlink(), "fail", "cannot be read", None),
    "other-key": ("keys", _other_key, "fail", "does not open incident", None),
    "ledger-changed": ("ledgers", _changed_ledger, "fail", "was changed after it was written", None),
    "ledger-cut": ("ledgers", _cut_ledger, "fail", "some were cut off", None),
    "watch-late": ("watch", _silent_watch, "fail", "has not looked since", None),
    "watch-never": ("watch", _declared, "fail", "has not looked yet, and 1 incidents are open", None),
    "provider": ("providers", _settings(providers=[{**PUSH, "url": "nonsense://{to}"}]), "fail", "cannot read", None),
    "no-receipts": ("receipts", _settings(providers=[PUSH]), "warn", "stay unconfirmed", None),
    "bounces": ("bounces", _settings(providers=[{**MAIL, "bounce_domain": "b.example"}]), "warn", "listens here", None),
    "staff": ("people", _settings(people={"x": {"name": "X", "urls": ["nonsense"]}}), "fail", "1 of 1 urls of x", None),
    "no-url": ("people", _settings(people={"x": {"name": "X"}}), "warn", "x has no url", None),
    "vacant": ("plan-roles", _settings(people=STAFF), "warn", "nobody stands behind", PLAN),
    "approvers": ("approvers", _account, "fail", "and 0 can approve", PLAN),
    "residency": ("residency", _settings(stores_marked="*"), "fail", "may not be kept in this database", PLAN),
    "abroad": ("residency", _settings(providers=[PUSH]), "fail", "nobody in CN can be told", PLAN),
    "assessed": ("assessed", _old_duties, "warn", "do not rest on its latest facts", None),
    "claims": ("claims", _dead_claim, "warn", "1 messages are held", None),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(tocsin: Any, declare: Any, name: str) -> None:
    check, plant, level, words, plan = FAULTS[name]
    plant(tocsin, declare) if "declare" in inspect.signature(plant).parameters else plant(tocsin)

    found = looked(tocsin, check, plan=plan)

    assert [said for its_level, said in found if its_level == level and words in said], found


def test_what_is_well_is_ok(tocsin: Any, declare: Any) -> None:
    account = "tocsin-receipts"
    feed = f"http://127.0.0.1:9/receipts?account={account}"
    providers = [
        {**PUSH, "name": f"p-{channel}", "channel": channel, "receipts": feed, "places": ["*", "CN"],
         "processor_contract": "DPA 1", "deletes_at_end": True,
         **({"url": MAIL["url"]} if channel == "email" else {})}
        for channel in ("push", "email", "sms", "phone")
    ]  # fmt: skip
    roles = ["responders", "security lead", "platform operations", "privacy officer", "legal", "incident lead"]
    people = {"lin-wei": {**STAFF["lin-wei"], "groups": roles}}
    tocsin.change_settings(providers=providers, people=people)
    declare(tocsin)
    tocsin.ok("watch", "--once")
    _account(tocsin)

    done = tocsin("doctor", "--json", "--offline")

    well = {one["check"] for one in done.json} - {one["check"] for one in done.json if one["level"] != "ok"}
    assert {check.name for check in CHECKS} - well == {"hosts", "approvers", "drills"}


def test_what_rests_on_a_broken_check_is_not_looked_at(tocsin: Any) -> None:
    (tocsin.home / "tocsin.db").unlink()

    assert looked(tocsin, "ledgers") == [("warn", "not looked at")]
    assert not (tocsin.home / "tocsin.db").exists()
    assert looked(tocsin, "folders")[0][0] == "ok"


def test_a_full_disk_is_found(tocsin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12 - 10**8, 10**8))

    assert looked(tocsin, "disk")[0][0] == "fail"


def test_a_drill_is_due_once_a_year(tocsin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    never = looked(tocsin, "drills", plan=PLAN)
    found = []
    for days in (300, 400):
        held = Held(
            name="d", held_at=wiring.now().subtract(days=days), plan="x", scenario="s", percent=90, path=tocsin.home
        )
        monkeypatch.setattr(filing, "last", lambda *_, held=held: held)
        found += looked(tocsin, "drills", plan=PLAN)

    assert never == [("warn", "conex-easykey: no drill was ever held here")]
    assert [level for level, _ in found] == ["ok", "warn"]


def test_a_plan_that_there_is_not_is_refused(tocsin: Any) -> None:
    done = tocsin("doctor", "--plan", "nobodys")
    assert (done.code, done.out) == (2, "")
    assert "There is no plan" in done.err


class _Web(http.server.BaseHTTPRequestHandler):
    ahead = dt.timedelta()
    asked: list[str]  # of the class that a test makes

    def do_OPTIONS(self) -> None:
        self.asked.append(f"{self.command} {self.path} {self.headers.get('Authorization')}")
        self.send_response_only(405)
        at = pendulum.now("UTC") + self.ahead  # noqa: TID251 - a stranger's clock
        self.send_header("Date", at.strftime("%a, %d %b %Y %H:%M:%S GMT"))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Mail(socketserver.StreamRequestHandler):
    heard: list[bytes]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            self.heard.append(word)
            answers = {b"EHLO": b"250-here\r\n250 AUTH PLAIN LOGIN\r\n", b"QUIT": b"221 bye\r\n"}
            self.wfile.write(answers.get(word, b"535 no\r\n"))


@contextlib.contextmanager
def serving(handler: Any, context: ssl.SSLContext | None = None) -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _push(tocsin: Any, url: str) -> None:
    tocsin.change_settings(providers=[{**PUSH, "url": url}])


def test_a_web_service_is_asked_and_nothing_is_sent(tocsin: Any) -> None:
    handler = type("Web", (_Web,), {"asked": []})
    with serving(handler) as port:
        _push(tocsin, f"gateway://very-secret@127.0.0.1:{port}/push/?to={{to}}")
        done = tocsin("doctor", "--json")

    assert [one["level"] for one in done.json if one["check"] == "hosts"] == ["ok"]
    assert handler.asked == ["OPTIONS / None"]
    assert "very-secret" not in done.out


def test_a_clock_that_is_not_ours_is_found(tocsin: Any) -> None:
    handler = type("Web", (_Web,), {"asked": [], "ahead": dt.timedelta(minutes=-7)})
    with serving(handler) as port:
        _push(tocsin, f"gateway://t@127.0.0.1:{port}/push/?to={{to}}")
        found = looked(tocsin, "hosts", online=True)

    assert [level for level, said in found if "seconds behind this machine's" in said] == ["fail"]


def test_certificates_are_looked_at(tocsin: Any, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    handler = type("Web", (_Web,), {"asked": []})
    with serving(handler, context) as port:
        _push(tocsin, f"gateways://t@127.0.0.1:{port}/push/?to={{to}}")
        strange = looked(tocsin, "hosts", online=True)
        _push(tocsin, f"gateways://t@127.0.0.1:{port}/push/?to={{to}}&verify=no")
        known = looked(tocsin, "hosts", online=True)
        reached = reaching.reach(reaching.Place(host="127.0.0.1", port=port, tls=True, verify=False))

    assert strange[0][0] == "fail"
    assert "certificate that is not good" in strange[0][1]
    assert known[0][0] == "ok"
    assert "its certificate is good for" in known[0][1]
    assert reached.expires_at is not None
    assert reached.expires_at.year > 2100


def test_a_mail_server_that_does_not_let_us_in_is_found(tocsin: Any) -> None:
    handler = type("Mail", (_Mail,), {"heard": []})
    with serving(handler) as port:
        url = f"mailto://u:very-secret@127.0.0.1:{port}/{{to}}?from=a@example.com&mode=insecure"
        tocsin.change_settings(providers=[{**MAIL, "url": url}])
        done = tocsin("doctor", "--json")
        tocsin.change_settings(bounce_listener=f"127.0.0.1:{port}")
        taken = looked(tocsin, "bounces")

    said = next(one for one in done.json if one["check"] == "hosts")
    assert (said["level"], "does not accept our credentials" in said["said"]) == ("fail", True)
    assert "very-secret" not in done.out
    assert done.code == 1
    assert b"MAIL" not in handler.heard
    assert taken == [("ok", f"127.0.0.1:{port} is answered by a mail server")]


def test_nobody_there_is_found(tocsin: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    _push(tocsin, f"gateway://t@127.0.0.1:{port}/push/?to={{to}}")

    assert looked(tocsin, "hosts", online=True)[0][0] == "fail"

    tocsin.change_settings(bounce_listener=f"127.0.0.1:{port}")
    assert looked(tocsin, "bounces") == [("ok", f"127.0.0.1:{port} is free for `tocsin serve`")]


def test_a_prefect_server_that_is_gone_is_found(tocsin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")

    assert looked(tocsin, "prefect", online=True)[0][0] == "fail"


def test_a_certificate_that_ends_soon_is_said() -> None:
    from flows.steps.checkups import services
    from flows.steps.checkups.findings import Visit

    visit = Visit(house=wiring.House(Path("/nowhere")), clock=wiring.now)
    levels = [
        next(services._judged(visit, "x", reaching.Reached(expires_at=wiring.now().add(days=days)))).level
        for days in (30, 20, 2, -1)
    ]

    assert levels == ["ok", "warn", "fail", "fail"]
