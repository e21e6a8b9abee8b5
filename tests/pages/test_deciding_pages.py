"""Signing in, and deciding behind a link: what opens the door, and everything that must not."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI

from console.api import application
from db import accounts as store
from db import approvals, ledger
from flows import wiring
from flows.steps import accounts, approving, asking, proving
from flows.wiring import House

PASSWORD = "correct horse battery"


@dataclass
class Browser:
    """Keeps cookies as a browser does; follows nothing by itself."""

    app: FastAPI
    base: str = "http://127.0.0.1:8400"
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        return asyncio.run(self._ask(method, path, fields, headers))

    async def _ask(
        self, method: str, path: str, fields: dict[str, str] | None, headers: dict[str, str]
    ) -> httpx.Response:
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
        if fields is not None:
            sent = {"content-type": "application/x-www-form-urlencoded", **sent}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=self.base) as client:
            content = None if fields is None else urlencode(fields)
            answer = await client.request(method, path, content=content, headers=sent)
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        self.cookies = {name: value for name, value in self.cookies.items() if value}
        return answer

    def word(self, path: str) -> str:
        found = re.search(r'name="word" value="([0-9a-f]{64})"', self.ask("GET", path).text)
        assert found is not None
        return found[1]

    def sign_in(self, name: str, password: str = PASSWORD, then: str = "/") -> httpx.Response:
        word = self.word(f"/login?next={then}")
        return self.ask("POST", "/login", {"name": name, "password": password, "next": then, "word": word})


@dataclass
class Desk:
    """The installation, its incident with a written notice, and the links that people were sent."""

    house: House
    incident: str
    links: dict[str, str]

    def browser(self) -> Browser:
        return Browser(application(self.house))

    @property
    def given(self) -> list[str]:
        with self.house.database.reading() as session:
            return [one.by for one in approvals.listed(session, self.incident) if one.decision == "approved"]


MADE: dict[str, tuple[Path, str, str, dict[str, str]]] = {}  # one installation for this file; each test has a copy


@pytest.fixture
def desk(
    tocsin: Any,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    monkeypatch.setattr(proving, "COST", {"n": 16, "r": 1, "p": 1})
    if not MADE:
        incident, admin, links = asked(tocsin, request.getfixturevalue("approved")(tocsin))
        kept = tmp_path_factory.mktemp("asked") / "home"
        shutil.copytree(tocsin.home, kept)
        MADE["it"] = kept, incident, admin, links
    kept, incident, admin, links = MADE["it"]
    shutil.rmtree(tocsin.home)
    shutil.copytree(kept, tocsin.home)
    house = House(tocsin.home, {"TOCSIN_TOKEN": admin, "HOME": str(tocsin.home)})
    yield Desk(house, incident, links)
    house.database.close()


def asked(tocsin: Any, incident: str) -> tuple[str, str, dict[str, str]]:
    """Two people who may approve, each asked by a message; the administrator's token and the links."""
    tocsin.change_settings(
        console_url="https://tocsin.example",
        people={"zm": {"name": "Zhao Min", "urls": ["json://127.0.0.1:9/"]}, "Wang Fang": {"name": "Wang Fang"}},
    )
    now = wiring.now()
    with wiring.opened(tocsin.home) as house:
        admin = accounts.add(house, "Ada", roles=["administrator"], by="root", now=now)
    house = House(tocsin.home, {"TOCSIN_TOKEN": str(admin), "HOME": str(tocsin.home)})
    for name in ("Zhao Min", "Wang Fang"):
        accounts.add(house, name, roles=["approver"], plan_roles=["legal"], by="Ada", now=now)
        accounts.set_password(house, name, PASSWORD, by="Ada", now=now)
    links: dict[str, str] = {}

    def tell(who: str, urls: list[str], *, title: str, body: str, now: object) -> None:
        assert (who == "Zhao Min") == bool(urls)
        assert body.splitlines()[-1].startswith("https://tocsin.example/decide/")
        links[who] = "/decide/" + body.rpartition("/")[2]

    told = asking.ask(house, incident, "notice", by="Zhao Min", now=now, tell=tell)
    assert [(one.name, one.told) for one in told] == [("Wang Fang", "yes"), ("Zhao Min", "yes")]
    house.database.close()
    return incident, str(admin), links


def test_a_link_shows_nothing_before_signing_in_and_is_answered_once_by_its_person(desk: Desk) -> None:
    link, browser = desk.links["Zhao Min"], desk.browser()

    stranger = browser.ask("GET", link)
    assert (stranger.status_code, desk.incident in stranger.text) == (303, False)
    entered = browser.sign_in("zhao min", then=link)
    assert (entered.status_code, entered.headers["location"]) == (303, link)
    page = browser.ask("GET", link)
    assert page.status_code == 200
    assert "people</th><td>7<" in page.text.replace("\n", "")
    assert "Approve exactly this" in page.text
    answered = browser.ask("POST", link, {"answer": "approve", "word": browser.word(link)})

    assert (answered.status_code, desk.given) == (200, ["Zhao Min", "Zhao Min"])  # once by name, once with an account
    assert browser.ask("GET", link).status_code == 404  # used up


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(desk: Desk) -> None:
    browser = desk.browser()
    browser.base = "https://127.0.0.1:8400"
    browser.cookies["tocsin_session"] = "tocsin_session_fixed-by-somebody"

    cookies = [line for line in browser.sign_in("Zhao Min").headers.get_list("set-cookie") if "tocsin_session=" in line]

    assert len(cookies) == 1
    assert "fixed-by-somebody" not in cookies[0]
    assert all(word in cookies[0] for word in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"))


def test_another_person_sees_and_decides_nothing_by_a_link(desk: Desk) -> None:
    browser = desk.browser()
    browser.sign_in("Wang Fang")
    word = browser.word(desk.links["Wang Fang"])

    assert browser.ask("GET", desk.links["Zhao Min"]).status_code == 404
    assert browser.ask("POST", desk.links["Zhao Min"], {"answer": "approve", "word": word}).status_code == 404
    assert browser.ask("GET", "/decide/tocsin_link_made-up").status_code == 404
    assert desk.given == ["Zhao Min"]


BAD_FORMS: tuple[tuple[dict[str, str], dict[str, str], int], ...] = (
    ({"answer": "approve"}, {}, 403),
    ({"answer": "approve", "word": "0" * 64}, {}, 403),
    ({"answer": "approve", "word": "own"}, {"origin": "https://evil.example"}, 403),
    ({"answer": "approve", "word": "own"}, {"content-type": "text/plain"}, 415),
    ({"answer": "refuse", "word": "own", "reason": ""}, {}, 400),
    ({"answer": "perhaps", "word": "own"}, {}, 400),
    ({"answer": "approve", "word": "own", "reason": "x" * 40_000}, {}, 413),
)


def test_a_form_that_is_not_ours_decides_nothing(desk: Desk) -> None:
    link, browser = desk.links["Zhao Min"], desk.browser()
    browser.sign_in("Zhao Min")
    word = browser.word(link)

    for fields, headers, status in BAD_FORMS:
        sent = {name: word if value == "own" else value for name, value in fields.items()}
        assert browser.ask("POST", link, sent, **headers).status_code == status, fields
    assert desk.given == ["Zhao Min"]


def test_what_has_changed_since_it_was_asked_cannot_be_approved_by_the_link(desk: Desk) -> None:
    link, browser = desk.links["Zhao Min"], desk.browser()
    browser.sign_in("Zhao Min")
    word = browser.word(link)
    settings = desk.house.settings_path
    settings.write_text(settings.read_text().replace("providers: []", f"providers: [{PROVIDER}]"))
    browser.app = application(House(desk.house.folder, desk.house.environment))

    answer = browser.ask("POST", link, {"answer": "approve", "word": word})

    assert (answer.status_code, "has changed since you were" in answer.text) == (403, True)
    assert desk.given == ["Zhao Min"]


PROVIDER = "{name: extra, channel: push, url: 'json://127.0.0.1:9/{to}', places: '*'}"


def test_a_refusal_by_the_link_takes_its_reason_along(desk: Desk) -> None:
    link, browser = desk.links["Wang Fang"], desk.browser()
    browser.sign_in("Wang Fang")

    answer = browser.ask("POST", link, {"answer": "refuse", "reason": "Too long.", "word": browser.word(link)})

    assert answer.status_code == 200
    with desk.house.database.reading() as session:
        assert approvals.listed(session, desk.incident)[-1].reason == "Too long."
        assert [one.data["told"] for one in ledger.listed(session, desk.incident) if one.type == "decision.asked"] == [
            "yes",
            "yes",
        ]


def test_a_session_ends_by_signing_out_by_its_hours_and_with_its_account(desk: Desk) -> None:
    link, browser, now = desk.links["Zhao Min"], desk.browser(), desk.house.now()
    browser.sign_in("Zhao Min")
    secret = browser.cookies["tocsin_session"]
    assert proving.signed_in(desk.house, secret, now=now.add(minutes=59)) is not None
    assert proving.signed_in(desk.house, secret, now=now.add(minutes=130)) is None  # left alone for an hour
    assert browser.ask("POST", "/logout", {"word": "0" * 64}).status_code == 403
    assert browser.ask("POST", "/logout", {"word": browser.word(link)}).status_code == 303
    assert proving.signed_in(desk.house, secret, now=now) is None

    browser.sign_in("Zhao Min")
    accounts.end(desk.house, "Zhao Min", by="Ada", now=now)
    assert browser.ask("GET", link).status_code == 303
    assert desk.browser().sign_in("Zhao Min").status_code == 403


def test_whoever_guesses_must_wait_and_learns_nothing(desk: Desk) -> None:
    browser = desk.browser()
    said = {browser.sign_in(name, "wrong").text.partition("alert")[2][:120] for name in ("Nobody", "Zhao Min", "Ada")}
    assert len(said) == 1
    for _ in range(4):
        browser.sign_in("Zhao Min", "wrong")

    assert "wait" in browser.sign_in("Zhao Min").text
    with pytest.raises(Exception, match="wait"):
        proving.log_in(desk.house, "Zhao Min", PASSWORD, address="127.0.0.1", now=desk.house.now())
    # Somebody elsewhere is not locked out by it, nor the same one later.
    later = desk.house.now().add(minutes=20)
    assert proving.log_in(desk.house, "Zhao Min", PASSWORD, address="192.0.2.7", now=desk.house.now())
    assert proving.log_in(desk.house, "Zhao Min", PASSWORD, address="127.0.0.1", now=later)


def test_signing_in_leads_to_our_own_pages_only(desk: Desk) -> None:
    for then in ("https://evil.example/", "//evil.example", "/\\evil.example", "/decide/../x y"):
        assert desk.browser().sign_in("Zhao Min", then=then).headers["location"] == "/"


def test_no_question_is_asked_of_nobody(desk: Desk) -> None:
    with desk.house.database.transaction() as session:
        for key in ("zhao min", "wang fang"):
            store.change(session, key, plan_roles=[])

    with pytest.raises(Exception, match="Nobody with an account"):
        asking.ask(desk.house, desk.incident, "notice", by="Zhao Min", now=desk.house.now())
    with pytest.raises(approving.Denied):
        approving.approve(
            House(desk.house.folder, {"TOCSIN_TOKEN": token_of(desk)}), desk.incident, "notice", by="Zhao Min",
            now=desk.house.now(),
        )  # fmt: skip


def token_of(desk: Desk) -> str:
    return accounts.make_token(desk.house, "Zhao Min", by="Ada", now=desk.house.now())
