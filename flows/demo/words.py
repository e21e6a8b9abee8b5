"""What the demonstration's people write: facts in two steps, and the words that a draft leaves to them."""

from typing import Any

from pendulum import DateTime

from tocsin.attributes import ATTRIBUTES


def first_facts(now: DateTime) -> dict[str, Any]:
    """What is known at the first hour: that something leaked, little more."""
    return {
        "title": "EasyKey account records copied from a test server",
        "organisation": {"name": "Shenzhen Conex Intelligent Technology Co., Ltd.", "role": "controller", "seat": "CN"},
        "times": {
            "detected": now.subtract(minutes=50).isoformat(),
            "aware": now.subtract(minutes=20).isoformat(),
        },
        "breach": {"kinds": ["confidentiality"], "cause": "attack", "encrypted": False},
        "data": {"elements": ["name", "phone", "email"]},
    }


# A maker of door locks: what it is, and the kinds of organisation that it is not.
_ATTRIBUTES = {
    **dict.fromkeys(ATTRIBUTES, False),
    "manufacturer": True,
    "online_service": True,
}


def later_facts(now: DateTime, counts: dict[str, int]) -> dict[str, Any]:
    """What is known two hours later: who, where, which data, how bad. `counts` are people by place."""
    facts = first_facts(now)
    facts["organisation"] |= {"sectors": ["consumer-iot"], "attributes": dict(_ATTRIBUTES)}
    facts["times"] |= {
        "occurred_from": now.subtract(days=4).isoformat(),
        "occurred_until": now.subtract(minutes=50).isoformat(),
        "discovered": now.subtract(minutes=50).isoformat(),
        "scope_known": now.add(minutes=100).isoformat(),
        "contained": now.add(minutes=90).isoformat(),
    }
    facts["breach"] |= {"exfiltrated": True, "ransomware": False, "recovered": False}
    facts["risk"] = {
        "to_people": "high",
        "determined_by": "Zhao Min, privacy officer",
        "basis": "Door-lock accounts with log-in data are in the hands of an unknown attacker.",
    }
    facts["data"] = {
        "elements": ["name", "phone", "email", "password-hash", "online-credentials", "device-id", "usage-log"]
    }
    facts["people"] = {"total": sum(counts.values()), "by_place": counts, "unlocated": 0, "children": 0}
    # A person's judgement: log-in data of door locks are grave, but the locks themselves were not touched.
    facts["significance"] = {"grade": "relatively-major", "found": {"eu-cra": False}}
    facts["records"] = 3 * sum(counts.values())
    return facts


# The gaps that a draft leaves: what the company has done and offers, which no fact holds.
FILLED: dict[str, dict[str, str]] = {
    "en": {
        "impact": "you opened an EasyKey account before this was published",
        "measures": (
            "We closed the test server within two hours, blocked the stolen access key, ended every open session, "
            "and had an outside forensic firm search our systems. We have told the authorities."
        ),
        "remedies": (
            "Every lock registered to you gets a free security check, and we bear the cost of a new lock cylinder or "
            "keypad where the check advises one. If you suffer a loss through this incident, write to us and we will "
            "handle your claim within 15 days."
        ),
    },
    "zh": {
        "impact": "您在本公告发布之前注册了 EasyKey 账号",
        "measures": (
            "我们在两小时内关闭了该测试服务器，停用了被盗的访问密钥，终止了全部登录会话，"
            "并委托外部专业机构排查系统。我们已向主管部门报告。"
        ),
        "remedies": (
            "您名下的每一把门锁均可免费进行安全检测；如检测建议更换锁芯或键盘，费用由我们承担。"
            "如因本次事件遭受损失，请与我们联系，我们将在十五日内处理。"
        ),
    },
}
