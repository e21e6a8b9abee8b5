"""Reports in prose: what mail servers write that never heard of RFC 3464. Whom they mean, and what they say of each.

Only the part above the returned letter is read. Its language hardly matters: addresses, SMTP replies and the order of
lines carry it; the words that matter are data, in patterns.yaml.
"""

import re
from collections.abc import Iterable, Iterator
from email.message import Message
from email.utils import getaddresses

from notifiers.bounces.contents import Contents, field_of
from notifiers.bounces.judging import Failure, reply_of
from notifiers.bounces.table import letter_line, sign

_ADDRESS = re.compile(r"(?<![\w.+/-])[\w.!#$%&'*+/=?^{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_KIND_OF_ADDRESS = re.compile(r"^.*\b(?:smtp|rfc822|mailto)[=:]", re.IGNORECASE)
_LETTER_FIELD = re.compile(
    r"^[ \t>*|]{0,6}(Received: ?|Return-Path: |Message-ID: ?|MIME-Version: |X-Mailer: |DKIM-Signature: "
    r"|Delivered-To: )",
    re.IGNORECASE | re.MULTILINE,
)
_HEADS_LINE = re.compile(
    r"[\s>*#|\"'=-]*(?:\d+[.)]\s*)?(?:[245]\d\d[ -])?"
    r"(?:(?:final|original|failed|intended|envelope|invalid|unknown|undeliverable)?[ -]?"
    r"(?:recipients?|address(?:es)?|e-?mail|user|name|to|rcpt to|mailbox|receivers?)[^\n@:<]{0,24}[:=<(]\s*)?"
    r"(?:[^\n@<>:]{0,40}<)?[<(\[\"']*\Z",
    re.IGNORECASE,
)
_CLOSES_TRANSCRIPT = re.compile(r"[45]\d\d <[^<>\n]+>\.\.\. ")
_DELAY = re.compile(r"\bdelay(ed)?\b", re.IGNORECASE)
_MOST_RECIPIENTS = 100


def failures(contents: Contents) -> Iterator[Failure]:
    """Each recipient of which a report in prose says something; nothing where it is no report."""
    text = above_the_letter(contents.prose)
    named = _named(contents.head)
    if not (named or looks_like_report(contents.head, text)):
        return
    late = _still_tries(contents.head, text)
    for address, words in _what_is_said(text, named or _whom(text, contents)):
        telling = bool(reply_of(words) or sign("failed").search(words.replace(address, "")))
        yield Failure(
            address=address, action="delayed" if late else "failed", words=words if telling else f"{words}\n{text}"
        )


def above_the_letter(text: str) -> str:
    """The report without the letter that it brings back."""
    for pattern in (letter_line(), _LETTER_FIELD):
        found = next((one for one in pattern.finditer(text) if _ADDRESS.search(text, 0, one.start())), None)
        if found:
            text = text[: found.start()]
    return text


def looks_like_report(head: Message, text: str) -> bool:
    """Whether a mail server wrote this about a letter that failed."""
    if _is_automatic(head):
        return False
    by_server = sign("server").search(field_of(head, "From")) or field_of(head, "Return-Path") == "<>"
    if not by_server and ("In-Reply-To" in head or sign("reply").match(field_of(head, "Subject"))):
        return False  # somebody answers us, whatever their words
    signs = (by_server, sign("subject").search(field_of(head, "Subject")), sign("failed").search(text))
    return sum(bool(one) for one in signs) > 1


def _is_automatic(head: Message) -> bool:
    """Whether a person's own machine answered (RFC 3834): such an answer is no bounce."""
    if sign("automatic").search(field_of(head, "Subject")):
        return True
    if sign("server").search(field_of(head, "From")):
        return False
    said = field_of(head, "Auto-Submitted").lower()
    return (
        said.startswith(("auto-replied", "vacation"))
        or "vacation" in said
        or "auto_reply" in field_of(head, "Precedence").lower()
        or any(name in head for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-From"))
    )


def _named(head: Message) -> list[str]:
    """The recipients in the header field of Exim and its kin."""
    stated = [str(value) for value in head.get_all("X-Failed-Recipients", [])]
    return [address for _, address in getaddresses(stated) if "@" in address]


def _still_tries(head: Message, text: str) -> bool:
    subject = field_of(head, "Subject")
    if _DELAY.search(subject) and not sign("gave_up").search(subject):
        return True
    return bool(sign("still_trying").search(text)) and not sign("gave_up").search(text)


def _whom(text: str, contents: Contents) -> list[str]:
    """The addresses that the report is about: those that head a line before all others, the reader's own last."""
    found = list(_addresses(text))
    introduced = sign("introduces").search(text)
    ours = _readers(contents.head)
    strangers = [one for one in found if one[1].lower() not in ours and not sign("server").search(one[1])]
    for some in (strangers, found):
        after = [one for one in some if introduced and one[0] > introduced.start()]
        heading = [address for _, address, heads in after or some if heads]
        if heading:
            return heading
        if after or some:
            return [(after or some)[0][1]]
    return _sent_to(contents)


def _addresses(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each address in the text: where, and whether it heads its line."""
    for found in _ADDRESS.finditer(text):
        address = _KIND_OF_ADDRESS.sub("", found.group(0)).strip(".'")
        line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        yield found.start(), address, bool(_HEADS_LINE.match(line))


def _readers(head: Message) -> set[str]:
    """Addresses of the one who wrote the letter and of who reports: they are seldom its recipients."""
    names = ("To", "From", "Delivered-To", "Reply-To", "Sender", "Errors-To")
    return {address.lower() for address in _in_fields(head, names)}


def _sent_to(contents: Contents) -> list[str]:
    """Whom the letter that came back was for, if it was for one."""
    letters = [_in_fields(letter, ("To",)) for letter in contents.returned]
    quoted = re.search(r"^To:[^\n@]*?<?([^\s<>@]+@[^\s<>,]+)>?\s*$", contents.prose, re.IGNORECASE | re.MULTILINE)
    whom = [*(letters[0] if letters else []), *([quoted.group(1)] if quoted else [])]
    return whom[:1] if len(set(whom)) == 1 else []


def _in_fields(head: Message, names: Iterable[str]) -> list[str]:
    stated = [str(value) for name in names for value in head.get_all(name, [])]
    return [address for _, address in getaddresses(stated) if "@" in address]


def _what_is_said(text: str, whom: list[str]) -> Iterator[tuple[str, str]]:
    """Each address once with the lines from its first mention to the next one's.

    In a transcript that closes with `550 <address>...` for each, what is said stands above that line.
    """
    folded = text.lower()
    introduced = sign("introduces").search(text)
    start = introduced.start() if introduced else 0
    places: dict[str, int] = {}
    for address in whom[: _MOST_RECIPIENTS * 4]:
        low = address.lower()
        places.setdefault(low, max(folded.find(low, start), folded.find(low), 0))
    spelling = {address.lower(): address for address in reversed(whom)}
    ordered = sorted(places.items(), key=lambda place: place[1])[:_MOST_RECIPIENTS]
    ends = [*(place for _, place in ordered), len(text)][1:]
    above = 0
    for (address, begins), ends_at in zip(ordered, ends, strict=False):
        line = text.rfind("\n", 0, begins) + 1
        line_end = text.find("\n", begins)
        if _CLOSES_TRANSCRIPT.match(text, line):
            yield spelling[address], text[above : line_end if line_end > 0 else len(text)]
        else:
            yield spelling[address], text[line:ends_at]
        above = line_end if line_end > 0 else len(text)
