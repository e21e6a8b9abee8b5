"""Why a letter came back, and whether its address is dead: from codes where they say it, from words where they do not.

The words are data, in patterns.yaml beside this file. A server's words are read here and kept nowhere.
"""

import re
from dataclasses import dataclass

from notifiers.answers import Reason
from notifiers.bounces import table
from notifiers.bounces.table import Rule

_REPLY = re.compile(r"(?<![\w.@/=#:-])([45][0-57]\d)(?=[\s:;#<>\"'(\[,]|-|$)")
_ENHANCED = re.compile(r"(?<![\d.])([45])\.(\d{1,3})\.(\d{1,3})(?![\d.]\d)")
_VAGUE = re.compile(r"\.0\.0$")
_COMMAND = re.compile(
    r"(?:(?i:in reply to (?:the )?(?:end of )?|>>> ?|after (?:end of |sending )?|(?:like|rejected) our |following )|\[)"
    r"(?P<verb>RCPT|MAIL|DATA|EHLO|HELO)|does not like (?P<word>recipient|sender)",
)
_VERBS = {"recipient": "RCPT", "sender": "MAIL"}
_NO_RECIPIENT_LEFT = re.compile(
    r"503 (?:5\.\d\.\d )?.{0,20}(?:need rcpt|recipient|rcpt)|no valid recipients", re.IGNORECASE
)
# A carrier that names nobody has filtered the letter: it says so to every address.
_NAMES_NOBODY = re.compile(r"\b5\d\d\s*(?:5\.\d\.\d\s*)?:\s*user unknown", re.IGNORECASE)
_ABOUT_THE_SENDER = {"1.7", "1.8", "1.9"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What a report says of one recipient. `words` are the other server's, and may hold an address: they go no further.

    `action` is RFC 3464's: failed, delayed, delivered, relayed, expanded, or `unknown`.
    """

    address: str
    action: str
    status: str | None = None
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """Why, in closed words; whether the address is dead; and the code that says so."""

    reason: Reason
    hard: bool
    code: str | None


def judge(failure: Failure, *, besides: str = "") -> Judgement:
    """Why a recipient failed. `besides` is the rest of the report, read where its own words say nothing."""
    code = code_of(failure)
    verb = _refused_command(failure, besides)
    rule = _rule(failure.words)
    stated = _by_status(code)
    if rule is None and stated is None and besides:
        rule = _rule(besides)
    if verb == "MAIL" and (rule is None or rule.hard):
        reason, hard = Reason.POLICY, False  # nothing about the recipient had been said yet
    elif rule is not None and not (rule.hard and _outranks(stated, code, failure, verb)):
        reason, hard = rule.reason, rule.hard and (verb != "DATA" or rule.at_any_time)
    elif stated is not None:
        reason, hard = stated, _detail(code) in table.hard_status()
    else:
        reason, hard = Reason.EXPIRED if (code or "").startswith("4") else Reason.OTHER, False
    if _NAMES_NOBODY.search(failure.words):
        reason, hard = Reason.POLICY, False
    return Judgement(reason=reason, hard=hard and not (code or "").startswith("4"), code=code)


def code_of(failure: Failure) -> str | None:
    """The most telling code: the other server's own words before the report's general status."""
    said = _ENHANCED.search(failure.words)
    replied = reply_of(failure.words)
    for code in (said.group(0) if said else None, failure.status):
        if code and not _VAGUE.search(code):
            return code
    if failure.status or said:
        return failure.status or (said.group(0) if said else None)
    return f"{replied[0]}.0.0" if replied else None


def reply_of(words: str) -> str | None:
    """The SMTP reply code in a server's words."""
    found = _REPLY.search(words)
    return found.group(1) if found else None


def _rule(words: str) -> Rule | None:
    """The first rule that fits what the other server said, or else all that is said of the recipient."""
    reply = _REPLY.search(words)
    said = [re.split(r"\n\s*\n", words[reply.start() :], maxsplit=1)[0], words] if reply else [words]
    for text in (" ".join(one.split()) for one in said):
        found = next((rule for rule in table.rules() if rule.pattern.search(text)), None)
        if found:
            return found
    return None


def _by_status(code: str | None) -> Reason | None:
    detail = _detail(code)
    stated = table.by_status()
    return stated.get(detail) or stated.get(detail.partition(".")[0])


def _detail(code: str | None) -> str:
    return (code or "").partition(".")[2]


def _outranks(stated: Reason | None, code: str | None, failure: Failure, verb: str | None) -> bool:
    """Whether a status is believed against words that call the address unknown."""
    detail = _detail(code)
    if detail == "2.1" and verb == "RCPT":
        return False
    own_words = bool(code and code in failure.words)
    return (
        stated in {Reason.MAILBOX_FULL, Reason.CONTENT}
        or detail in _ABOUT_THE_SENDER
        or detail in {"2.0", "2.1"}
        or (own_words and detail.startswith("7."))
    )


def _refused_command(failure: Failure, besides: str) -> str | None:
    """The SMTP command that was refused: after the text was offered, a refusal is about the text, whatever its words.

    Pipelining (RFC 2920) makes a transcript show DATA before the answers to RCPT: then no recipient was left.
    """
    found = _last_command(failure.words)
    folded = " ".join(besides.split())
    said = " ".join(failure.words.split())[:40]
    if not found and len(said) > 8:
        place = folded.find(said)
        transcript = folded.rfind("<<< " + said[:30])
        after = _COMMAND.search(folded, place, place + 600) if place >= 0 else None
        if transcript >= 0:
            found = _last_command(folded[:transcript])
        elif after and "reply to" in after.group(0):
            found = _verb(after)
    if found == "DATA" and (_NO_RECIPIENT_LEFT.search(folded) or _detail(failure.status) == "1.1"):
        return "RCPT"
    return found


def _last_command(text: str) -> str | None:
    found = [_verb(one) for one in _COMMAND.finditer(text)]
    return found[-1] if found else None


def _verb(found: re.Match[str]) -> str:
    return found.group("verb") or _VERBS[found.group("word")]
