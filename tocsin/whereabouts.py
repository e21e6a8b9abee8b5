"""Place words of a roster made into place codes: `Deutschland`, `USA` and `de` are codes that people meant.

Countries are known by their English names and, for those where customers are likeliest, by their Chinese, German and
French ones; the states of the United States and the provinces of mainland China by name. Anything else is not guessed.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache

from tocsin import places
from tocsin.residency import OWN_CODE

_COUNTRY_WORDS = """
AT: AUT, Österreich, Autriche, 奥地利
AU: AUS, Australien, Australie, 澳大利亚, 澳洲
BE: BEL, Belgien, Belgique, 比利时
BR: BRA, Brasil, Brasilien, Brésil, 巴西
CA: CAN, Kanada, 加拿大
CH: CHE, Schweiz, Suisse, Svizzera, 瑞士
CN: CHN, PRC, PR China, P.R. China, Mainland China, China mainland, Chinese Mainland, Chine
CN: 中国, 中国大陆, 大陆, 中华人民共和国
CZ: CZE, Czechia, Tschechien, Tchéquie, 捷克
DE: DEU, GER, Deutschland, Allemagne, 德国
DK: DNK, Dänemark, Danmark, Danemark, 丹麦
ES: ESP, España, Spanien, Espagne, 西班牙
FI: FIN, Finnland, Suomi, Finlande, 芬兰
FR: FRA, Frankreich, 法国
GB: GBR, UK, United Kingdom, Great Britain, Britain, England, Großbritannien, Vereinigtes Königreich, Royaume-Uni, 英国
GR: GRC, Griechenland, Grèce, 希腊
HK: HKG, Hongkong, 香港, 中国香港
IE: IRL, Irland, Irlande, 爱尔兰
IN: IND, Indien, Inde, 印度
IT: ITA, Italia, Italien, Italie, 意大利
JP: JPN, Japon, 日本
KR: KOR, South Korea, Korea, Südkorea, Corée du Sud, 韩国
LU: LUX, Luxemburg, 卢森堡
MO: MAC, Macao, Macau, 澳门, 中国澳门
NL: NLD, The Netherlands, Holland, Niederlande, Nederland, Pays-Bas, 荷兰
NO: NOR, Norwegen, Norge, Norvège, 挪威
NZ: NZL, Neuseeland, Nouvelle-Zélande, 新西兰
PL: POL, Polen, Polska, Pologne, 波兰
PT: PRT, 葡萄牙
SE: SWE, Schweden, Sverige, Suède, 瑞典
SG: SGP, Singapur, Singapour, 新加坡
TW: TWN, 台湾, 中国台湾
US: USA, U.S., U.S.A., United States, United States of America, America, Vereinigte Staaten, États-Unis, 美国
"""
# Names beside the English ones of the atlas.
_PART_WORDS = {
    "US": "DC Washington DC",
    "CN": """
11 北京市, 12 天津市, 13 河北省, 14 山西省, 15 内蒙古自治区, 21 辽宁省, 22 吉林省,
23 黑龙江省, 31 上海市, 32 江苏省, 33 浙江省, 34 安徽省, 35 福建省, 36 江西省,
37 山东省, 41 河南省, 42 湖北省, 43 湖南省, 44 广东省, 45 广西壮族自治区, 46 海南省,
50 重庆市, 51 四川省, 52 贵州省, 53 云南省, 54 西藏自治区, 61 陕西省, 62 甘肃省,
63 青海省, 64 宁夏回族自治区, 65 新疆维吾尔自治区""",
}


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum())


@cache
def _countries() -> Mapping[str, str]:
    named = {_plain(name): code for code, (_, name) in places.COUNTRIES.items()}
    for line in _COUNTRY_WORDS.strip().splitlines():
        code, _, words = line.partition(": ")
        named.update((_plain(word), code) for word in words.split(", "))
    return named


_PROVINCE_SUFFIX = re.compile("(?:省|市|自治区|(?:壮族|回族|维吾尔)自治区)$")


@cache
def _parts(country: str) -> Mapping[str, str]:
    rows = _PART_WORDS.get(country, "").replace("\n", " ").split(", ")
    named = [row.strip().partition(" ") for row in rows if row.strip()]
    short = {_PROVINCE_SUFFIX.sub("", name): f"{country}-{code}" for code, _, name in named}
    english = {name: code for code, name in places.PARTS.items() if places.country_of(code) == country}
    return {_plain(name): code for name, code in (english | short).items()}


@cache
def _has_parts(country: str) -> bool:
    return any(code.startswith(f"{country}-") for code in places.SUBDIVISIONS)


@lru_cache(maxsize=4096)
def code_of(words: str) -> str | None:
    """The place code that a cell means, or None if it is no place known here."""
    upper = words.strip().upper()
    code = OWN_CODE.get(upper, upper)
    if places.known(code):
        return code
    country, _, _ = code.partition("-")
    if country in places.COUNTRIES and "-" in code and not _has_parts(country):
        return country  # the atlas keeps the parts that a law asks about; of the others the country is enough
    return _countries().get(_plain(words))


@lru_cache(maxsize=4096)
def part_of(country: str, words: str) -> str | None:
    """The subdivision of a country that a cell means, or None. Where no law asks for parts, the country itself."""
    if not _has_parts(country):
        return country
    upper = words.strip().upper()
    code = upper if upper.startswith(f"{country}-") else f"{country}-{upper}"
    if code in places.SUBDIVISIONS:
        return OWN_CODE.get(code, code)
    return _parts(country).get(_plain(_PROVINCE_SUFFIX.sub("", words.strip())))
