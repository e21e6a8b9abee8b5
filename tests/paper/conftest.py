"""Builders of facts, plans, duties and texts, handed to the tests of this folder as fixtures."""

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from documents.notices import NoticeText

GOLDEN = Path(__file__).parent / "golden"

FACTS: dict[str, Any] = {
    "title": "Account records copied from a test server",
    "organisation": {"seat": "DE", "role": "controller", "attributes": {"cii": False}},
    "times": {
        "occurred_from": "2026-11-01T00:00:00Z",
        "occurred_until": "2026-11-18T12:00:00Z",
        "detected": "2026-11-20T09:30:00+01:00",
        "aware": {"at": "2026-11-20T16:30", "zone": "Europe/Berlin"},
        "contained": "2026-11-21T01:00:00Z",
    },
    "breach": {"kinds": ["confidentiality"], "cause": "attack", "exfiltrated": True},
    "data": {"elements": ["phone", "password-hash", "name", "smart-device-data"]},
    "people": {"total": {"at_least": 12000, "at_most": 13000}, "by_place": {"DE": 12000, "US-CA": 501, "CN": 120}},
}
PLAN: dict[str, Any] = {
    "id": "example",
    "organisation": {
        "name": {"en": "Example Smart Home", "zh": "示例智能家居"},
        "zone": "Asia/Shanghai",
        "contact": {"email": "privacy@example.com", "phone": "+86 755 0000 0000", "url": "https://example.com/notice"},
        "dpo": {"name": "Privacy Office", "email": "dpo@example.com"},
    },
    "requires": ["situation-and-impact", "measures", "advice", "remedies"],
}
DUTIES: list[dict[str, Any]] = [
    {
        "id": "eu-gdpr/authority",
        "regime": "eu-gdpr",
        "audience": "authority",
        "recipient": "lead supervisory authority",
        "status": "owed",
        "due": "2026-11-23T16:30:00+01:00",
    },
    {
        "id": "cn-cac/authority",
        "regime": "cn-cac",
        "audience": "authority",
        "recipient": "provincial cyberspace administration",
        "status": "undetermined",
        "due": "2026-11-20T21:30:00+08:00",
    },
    {
        "id": "eu-gdpr/individuals",
        "regime": "eu-gdpr",
        "audience": "individuals",
        "recipient": "affected people",
        "status": "owed",
        "due": None,
    },
]
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Notice of Data Breach",
        "situation": "On 18 November 2026 someone copied data from our test server. We are sorry.",
        "impact": "Your name and phone number are affected. You may receive calls that seem real.",
        "measures": "We closed the server and told the authority.",
        "advice": "- Be careful with unexpected calls.\n- Change your password.",
        "remedies": "We will replace your door lock free of charge if you ask us.",
        "contact": "Write to privacy@example.com.",
        "short": "Example: your data are affected. Read https://example.com/notice",
    },
    "zh": {
        "title": "个人信息安全事件告知",
        "situation": "2026年11月18日，有人从我们的测试服务器复制了数据。我们深表歉意。",
        "impact": "您的姓名和电话号码受到影响，您可能会接到诈骗电话。",
        "measures": "我们已关闭该服务器，并向主管部门报告。",
        "advice": "- 请警惕可疑来电。\n- 请修改密码。",
        "remedies": "如您提出要求，我们将免费为您更换门锁。",
        "contact": "请写信至 privacy@example.com。",
        "short": "【示例】您的信息受到影响，详情：https://example.com/notice",
    },
}


@pytest.fixture
def facts_of() -> Callable[..., dict[str, Any]]:
    """Build a facts document; `breach={...}` and the like replace keys inside a part, None takes the part away."""

    def build(**changes: Any) -> dict[str, Any]:
        facts = copy.deepcopy(FACTS)
        for name, value in changes.items():
            facts[name] = {**facts.get(name, {}), **value} if isinstance(value, dict) else value
        return facts

    return build


@pytest.fixture
def a_plan() -> Callable[..., dict[str, Any]]:
    """Build a plan as a plain document; keywords replace keys of its organisation."""

    def build(**changes: Any) -> dict[str, Any]:
        plan = copy.deepcopy(PLAN)
        plan["organisation"] |= changes
        return plan

    return build


@pytest.fixture
def duty_rows() -> list[dict[str, Any]]:
    """Rows in the JSON shape of a duty."""
    return copy.deepcopy(DUTIES)


@pytest.fixture
def a_text() -> Callable[..., NoticeText]:
    """Build a text that passes every check; keywords replace fields."""

    def build(language: str = "en", **changes: Any) -> NoticeText:
        words = WORDS.get(language, WORDS["en"])
        return NoticeText(**{"language": language, **words, **changes})

    return build


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare with a golden file; TOCSIN_GOLDEN=write renews the files after somebody looked at the difference."""

    def compare(name: str, content: str) -> None:
        path = GOLDEN / name
        if os.environ.get("TOCSIN_GOLDEN") == "write":
            path.write_text(content, encoding="utf-8")
        assert content == path.read_text(encoding="utf-8")

    return compare
