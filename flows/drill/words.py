"""What the cast writes where a draft leaves gaps. It says that it is a drill, so that nobody takes it for real."""

from collections.abc import Mapping

_EN = {
    "impact": "your account was among the copied records of this exercise",
    "measures": (
        "We closed the way by which the records left, invalidated exposed log-in data, had our systems searched, and "
        "told the authorities. This text was written in an exercise."
    ),
    "remedies": "In this exercise we offer a free check of your account; write to us, we answer within 15 days.",
    "contact": "Write to privacy@drill.example or call +44 20 7946 0000.",
    "short": "at https://drill.example/notice",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": _EN,
    "zh": {
        "impact": "您的账号属于本次演练中被复制的记录",
        "measures": "我们已封堵泄露途径，停用泄露的登录信息，排查了系统，并已向主管部门报告。本文本为演练所用。",
        "remedies": "在本次演练中，我们为您的账号提供免费检测；如有需要请与我们联系，我们将在十五日内处理。",
        "contact": "请发送邮件至 privacy@drill.example，或致电 +86 10 0000 0000。",
        "short": "https://drill.example/notice",
    },
    "fr": {
        "impact": "votre compte figurait parmi les données copiées de cet exercice",
        "measures": (
            "Nous avons fermé la voie par laquelle les données sont sorties, invalidé les identifiants exposés, fait "
            "examiner nos systèmes et prévenu les autorités. Ce texte a été écrit lors d'un exercice."
        ),
        "remedies": "Dans cet exercice, nous proposons une vérification gratuite de votre compte ; écrivez-nous.",
        "contact": "Écrivez à privacy@drill.example.",
        "short": "https://drill.example/notice",
    },
    "de": {
        "impact": "Ihr Konto gehörte zu den kopierten Datensätzen dieser Übung",
        "measures": (
            "Wir haben den Weg geschlossen, auf dem die Daten abflossen, offengelegte Zugangsdaten gesperrt, unsere "
            "Systeme untersuchen lassen und die Behörden unterrichtet. Dieser Text entstand in einer Übung."
        ),
        "remedies": "In dieser Übung bieten wir eine kostenlose Prüfung Ihres Kontos an; schreiben Sie uns.",
        "contact": "Schreiben Sie an privacy@drill.example.",
        "short": "https://drill.example/notice",
    },
}


_UNSAID = {
    "en": "(not said in this exercise)",
    "zh": "（本次演练未说明）",
    "fr": "(non précisé dans cet exercice)",
    "de": "(in dieser Übung nicht genannt)",
}


def words(language: str) -> Mapping[str, str]:
    """The words for a language, by section; English where there are none of its own."""
    unsaid = _UNSAID.get(language, _UNSAID["en"])
    return {"title": unsaid, "situation": unsaid, "advice": unsaid, **_WORDS.get(language, _EN)}
