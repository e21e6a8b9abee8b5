"""The fake providers themselves: they remember over a kill, count repetitions, and refuse bad options in a sentence."""

import json
import os
import signal
import smtplib
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from notifiers import fakes
from notifiers.fakes.outbox import Outbox
from notifiers.fakes.rules import treatment
from tocsin.delivery import Channel
from tocsin.errors import Invalid, Misconfigured


def post(running, service="push", key="ab12", to="tok-1", token="app", **content):
    with requests.post(
        f"http://127.0.0.1:{running.http_port}/{service}",
        json={"to": to, "title": "t", "body": "b"} | content,
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
        timeout=5,
    ) as answer:
        return answer.status_code, answer.json()


def lines(running, channel):
    return [json.loads(line) for line in (running.outbox / f"{channel}.jsonl").read_text().splitlines()]


def test_a_repetition_of_a_key_is_answered_alike_and_recorded_as_a_repetition(running):
    first = post(running, key="aa01")
    second = post(running, key="aa01")

    assert first == second
    assert [line["type"] for line in lines(running, Channel.PUSH) if line["key"] == "aa01"] == ["message", "repeat"]


def test_one_key_on_two_channels_is_two_messages(running):
    assert post(running, key="aa02")[1]["id"] != post(running, "sms", key="aa02", to="+14155551111")[1]["id"]


def test_the_gateway_refuses_what_its_contract_refuses(running):
    assert post(running, "fax")[0] == 404
    assert post(running, token="")[0] == 401
    assert post(running, token="locked-out")[0] == 401
    assert post(running, to="dead-1", key="aa03") == (410, {"status": "refused", "code": "token-dead"})
    assert post(running, "sms", to="+14155550000", key="aa04") == (400, {"status": "refused", "code": "number-invalid"})
    with requests.post(
        f"http://127.0.0.1:{running.http_port}/push", data=b"{", headers={"Authorization": "Bearer t"}, timeout=5
    ) as answer:
        assert answer.status_code == 400


def test_the_mail_server_takes_one_recipient_a_message(running):
    with smtplib.SMTP("127.0.0.1", running.smtp_port, "[127.0.0.1]") as session:
        refused = session.sendmail("a@b.example", ["one@e.org", "two@e.org"], "Subject: x\r\n\r\ny")

    assert list(refused) == ["two@e.org"]


@pytest.mark.slow
def test_a_killed_fake_goes_on_where_it_was(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("- {match: later, do: deliver, after_seconds: 1.5}\n")
    first = fakes.start(tmp_path / "outbox", rules=rules)
    answer = post(first, key="bb01", to="later-1")
    post(first, key="bb02", to="tok-2")
    time.sleep(0.4)
    with requests.get(f"http://127.0.0.1:{first.http_port}/receipts", timeout=5) as feed:
        assert [event["reference"] for event in feed.json()["events"]] == ["bb02"]
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    first.stop()
    with (tmp_path / "outbox" / "push.jsonl").open("a") as outbox:
        outbox.write('{"type":"message","id":"torn')

    with fakes.start(tmp_path / "outbox", rules=rules) as second:
        assert post(second, key="bb01", to="later-1") == answer
        events = []
        while len(events) < 2:
            time.sleep(0.05)
            with requests.get(f"http://127.0.0.1:{second.http_port}/receipts", timeout=5) as feed:
                events = feed.json()["events"]
        assert [event["reference"] for event in events] == ["bb02", "bb01"]
        assert [event["n"] for event in events] == [1, 2]
        kinds = [line["type"] for line in lines(second, Channel.PUSH)]

    assert kinds == ["message", "message", "repeat"]


@pytest.mark.slow
def test_the_fakes_end_with_whoever_started_them(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from notifiers import fakes;"
        "running = fakes.start(Path(sys.argv[1])); print(running.process.pid, flush=True); time.sleep(60)"
    )
    root = Path(fakes.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        child = int(parent.stdout.readline())
        parent.kill()

    patience_ends = time.monotonic() + 5
    while Path(f"/proc/{child}/stat").exists() and time.monotonic() < patience_ends:
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break  # ended, and nobody has asked for its exit code
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{child}").exists()
    assert not (tmp_path / fakes.READY).exists()


def test_a_port_that_is_taken_is_said_and_nothing_is_left_running(running, tmp_path):
    with pytest.raises(Misconfigured, match=r"fakes\.log"):
        fakes.start(tmp_path, http=running.http_port)

    assert f"Port {running.http_port} is taken" in (tmp_path / "fakes.log").read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {match: '(', do: accept}", "regular expression"),
        ("- {match: x, do: explode}", "0.do"),
        ("- {do: accept}", "0.match"),
        ("- {match: x, do: accept, colour: red}", "0.colour"),
        ("- {match: x, do: accept, after_seconds: -1}", "0.after_seconds"),
        ("{match: x}", "the top"),
        ("[", "YAML"),
    ],
)
def test_bad_rules_are_one_sentence(tmp_path, text, words):
    path = tmp_path / "rules.yaml"
    path.write_text(text)

    with pytest.raises(Invalid) as error:
        treatment(path)

    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_rules_of_a_file_stand_before_the_built_in_ones(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("- {match: '^dead-', channel: push, do: deliver}\n- {match: 'x', do: throttle, times: 1}\n")
    rules = treatment(path)

    assert rules.of(Channel.PUSH, "dead-1").do == "deliver"
    assert rules.of(Channel.PUSH, "x").do == "throttle"
    assert rules.of(Channel.PUSH, "x").do == "deliver"
    assert rules.of(Channel.EMAIL, "x@example.org").do == "throttle"


@pytest.mark.parametrize(
    ("channel", "address", "act"),
    [
        (Channel.EMAIL, "a.bounce.1@example.org", "bounce"),
        (Channel.EMAIL, "someone@bounce.example.org", "accept"),
        (Channel.EMAIL, "refuse7@example.org", "refuse"),
        (Channel.EMAIL, "wang@example.org", "accept"),
        (Channel.PUSH, "dead-1", "refuse"),
        (Channel.PUSH, "abc", "deliver"),
        (Channel.SMS, "+8613800130000", "refuse"),
        (Channel.PHONE, "+8613800130001", "bounce"),
        (Channel.PHONE, "+8613800130000", "refuse"),
        (Channel.SMS, "+8613800138888", "deliver"),
    ],
)
def test_addresses_show_by_their_marks_what_becomes_of_them(channel, address, act):
    assert treatment().of(channel, address).do == act


def test_an_outbox_is_read_again_in_the_order_of_its_numbers(tmp_path):
    first = Outbox(tmp_path)
    identifier = first.take(Channel.SMS, "k1", {"to": "x"}, later={"event": "delivered", "after_seconds": 0})
    assert first.feed(0, 10, None)["events"][0]["provider_id"] == identifier
    first.close()

    second = Outbox(tmp_path)
    assert second.take(Channel.SMS, "k1", {"to": "x"}) == identifier
    assert second.take(Channel.SMS, "k2", {"to": "y"}) != identifier
    assert second.feed(0, 10, None)["next"] == 1
    assert second.feed(1, 10, None) == {"events": [], "next": 1}
    second.close()


def test_the_module_runs_alone_and_says_what_is_wrong(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "notifiers.fakes", "--outbox", str(tmp_path), "--rules", str(tmp_path / "none.yaml")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=Path(fakes.__file__).parents[2],
    )

    assert done.returncode == 2
    assert "none.yaml cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_says_where_the_fakes_listen(tmp_path, monkeypatch):
    import typer

    from console import fakes as command
    from notifiers.fakes import server

    def pretend(outbox, *, smtp, http, rules_file, on_ready):
        assert (smtp, http, rules_file) == (0, 8025, None)
        on_ready(41025, 41080)

    monkeypatch.setattr(server, "run", pretend)
    app = typer.Typer()
    command.register(app)
    result = CliRunner().invoke(app, ["--outbox", str(tmp_path), "--smtp", "0"])

    assert result.exit_code == 0
    assert "127.0.0.1:41025" in result.output
    assert "http://127.0.0.1:41080" in result.output
    assert str(tmp_path) in result.output
