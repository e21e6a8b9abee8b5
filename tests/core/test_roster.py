import pytest

from tocsin import columns, roster
from tocsin.addresses import LONGEST_ADDRESS
from tocsin.columns import Field
from tocsin.contacts import Contact
from tocsin.delivery import Channel
from tocsin.errors import Invalid
from tocsin.roster import Candidate, Flaw, Reader, Rejected, Trouble

EMAIL, SMS, PHONE, PUSH = Channel.EMAIL, Channel.SMS, Channel.PHONE, Channel.PUSH


def read(header, *cells, region="", chosen=None):
    used = columns.match(header.split(","), chosen or {}, source="Roster x.csv")
    return Reader(used, region=region).read(2, list(cells))


def person(row=2, **more):
    return Candidate(row=row, **more)


def test_a_full_row_becomes_a_person_with_every_address_in_normal_form():
    found = read(
        "账号,姓名,手机号,邮箱,推送令牌,国家,语言",
        "U1",
        " 王  伟 ",
        "138 0013 8000",
        "A@EXAMPLE.org",
        "tok-12345678",
        "中国",
        "zh-CN",
    )

    assert found == person(
        account="U1",
        name="王 伟",
        addresses={
            SMS: ("+8613800138000",),
            PHONE: ("+8613800138000",),
            EMAIL: ("A@example.org",),
            PUSH: ("tok-12345678",),
        },
        place="CN",
        language="zh",
    )


def test_a_bad_address_is_dropped_and_the_person_kept_to_be_told_some_other_way():
    found = read("account,email,phone,place", "U1", "not an address", "13800138000", "CN")

    assert found.addresses == {SMS: ("+8613800138000",), PHONE: ("+8613800138000",)}
    assert found.flaws == (Flaw(trouble=Trouble.EMAIL, field=Field.EMAIL),)


def test_a_person_known_by_account_alone_is_kept_without_any_address():
    found = read("account,email", "U1", "not an address")

    assert (found.account, found.addresses) == ("U1", {})


def test_a_row_that_names_nobody_is_rejected_with_every_reason():
    assert read("account,email,phone", "", "not an address", "", region="CN") == Rejected(
        row=2, flaws=(Flaw(trouble=Trouble.EMAIL, field=Field.EMAIL), Flaw(trouble=Trouble.NOBODY))
    )
    assert read("account,email", " ", "") == Rejected(row=2, flaws=(Flaw(trouble=Trouble.NOBODY),))


@pytest.mark.parametrize(
    ("cells", "trouble"),
    [
        (["U1", "a@example.org", "extra"], Trouble.WIDTH),
        (["U1"], Trouble.WIDTH),
        (["U\0001", "a@example.org"], Trouble.NUL),
        (["U1", "a" * (LONGEST_ADDRESS + 1)], Trouble.TOO_LONG),
    ],
)
def test_a_damaged_row_is_rejected_whole(cells, trouble):
    found = read("account,email", *cells)

    assert isinstance(found, Rejected)
    assert found.flaws[0].trouble is trouble


def test_a_place_that_does_not_exist_rejects_the_row_for_it_decides_law_and_provider():
    assert read("account,place", "U1", "ZZ") == Rejected(row=2, flaws=(Flaw(trouble=Trouble.PLACE, field=Field.PLACE),))


@pytest.mark.parametrize(
    ("country", "part", "place"),
    [
        ("US", "CA", "US-CA"),
        ("USA", "California", "US-CA"),
        ("us-ca", "", "US-CA"),
        ("德国", "", "DE"),
        ("Vereinigtes Königreich", "", "GB"),
        ("中国大陆", "广东省", "CN-44"),
        ("CN-HK", "", "HK"),
        ("IE", "Dublin", "IE"),
    ],
)
def test_places_are_understood_as_people_write_them(country, part, place):
    assert read("account,country,state", "U1", country, part).place == place


def test_an_unknown_part_of_a_known_country_leaves_the_country_and_a_flaw():
    found = read("account,country,state", "U1", "US", "Atlantis")

    assert found.place == "US"
    assert found.flaws == (Flaw(trouble=Trouble.SUBDIVISION, field=Field.SUBDIVISION),)


def test_the_region_stands_in_for_rows_that_name_no_place_and_makes_national_numbers_readable():
    found = read("account,phone", "U1", "13800138000", region="CN-44")

    assert (found.place, found.addresses[SMS]) == ("CN-44", ("+8613800138000",))


def test_a_national_number_without_a_place_is_a_flaw_and_not_a_guess():
    assert read("account,phone", "U1", "13800138000").flaws == (Flaw(trouble=Trouble.PHONE_REGION, field=Field.PHONE),)


def test_a_landline_is_called_and_not_texted():
    assert read("account,phone", "U1", "0755 86965862", region="CN").addresses == {PHONE: ("+8675586965862",)}
    assert read("account,landline", "U1", "13800138000", region="CN").addresses == {PHONE: ("+8613800138000",)}


def test_several_columns_of_one_kind_give_several_addresses_in_their_order():
    found = read("account,mobile,phone", "U1", "13800138000", "13900139000", region="CN")

    assert found.addresses[SMS] == ("+8613800138000", "+8613900139000")


@pytest.mark.parametrize("written", ['="13800138000"', "'13800138000"])
def test_the_tricks_by_which_spreadsheets_keep_digits_are_undone(written):
    assert read("account,phone", "U1", written, region="CN").addresses[SMS] == ("+8613800138000",)


@pytest.mark.parametrize(
    ("given", "family", "name"), [("伟", "王", "王伟"), ("Anna", "Becker", "Anna Becker"), ("", "Becker", "Becker")]
)
def test_given_and_family_name_are_joined_in_the_order_of_their_script(given, family, name):
    assert read("account,first name,last name", "U1", given, family).name == name


def test_a_name_is_one_line_without_control_characters():
    assert read("account,name", "U1", "Anna\r\nBcc: x\tBecker\u0007").name == "Anna Bcc: x Becker"


@pytest.mark.parametrize(
    ("written", "language"), [("zh_CN.UTF-8", "zh"), ("EN", "en"), ("de-AT", "de"), ("", ""), ("German", "")]
)
def test_a_language_is_its_primary_subtag(written, language):
    assert read("account,language", "U1", written).language == language


def test_nothing_of_a_person_shows_in_a_repr():
    shown = repr(read("account,name,email", "U1", "Anna Becker", "anna@example.org"))

    assert not any(secret in shown for secret in ("U1", "Anna", "anna"))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (person(account="u1", name="A"), person(account="U1", name="B"), True),
        (
            person(name="Li Wei", addresses={EMAIL: ("a@b.org",)}),
            person(name="LI WEI", addresses={EMAIL: ("A@b.org",)}),
            True,
        ),
        (
            person(name="Li Wei", addresses={EMAIL: ("a@b.org",)}),
            person(name="Li Na", addresses={EMAIL: ("a@b.org",)}),
            False,
        ),
        (person(name="Li Wei", addresses={SMS: ("+861",)}), person(name="li-wei", addresses={PHONE: ("+861",)}), True),
        (person(name="Li Wei"), person(name="Li Wei"), False),
        (person(addresses={EMAIL: ("a@b.org",)}), person(addresses={EMAIL: ("a@b.org",)}), True),
        (
            person(account="1", addresses={EMAIL: ("a@b.org",)}),
            person(account="2", addresses={EMAIL: ("a@b.org",)}),
            False,
        ),
        (
            person(account="1", name="N", addresses={EMAIL: ("a@b.org",)}),
            person(name="N", addresses={EMAIL: ("a@b.org",)}),
            True,
        ),
        (person(addresses={PUSH: ("tok-12345678",)}), person(addresses={PUSH: ("tok-12345678",)}), False),
    ],
)
def test_who_is_the_same_person(first, second, same):
    assert bool(set(roster.identities(first)) & set(roster.identities(second))) is same


def test_merging_keeps_what_was_first_and_adds_what_was_missing():
    first = person(name="Li Wei", addresses={EMAIL: ("a@b.org",)}, place="US")
    second = person(
        row=9,
        account="7",
        name="Wei Li",
        addresses={EMAIL: ("c@b.org", "a@b.org"), SMS: ("+1",)},
        place="US-CA",
        language="en",
    )

    assert roster.merge(first, second) == person(
        account="7",
        name="Li Wei",
        addresses={EMAIL: ("a@b.org", "c@b.org"), SMS: ("+1",)},
        place="US-CA",
        language="en",
    )
    assert roster.merge(person(place="DE"), person(place="FR")).place == "DE"


def test_a_known_contact_is_enriched_and_its_first_address_stays_first():
    known = Contact(name="Li Wei", account="7", addresses={EMAIL: ("a@b.org",)})

    richer = roster.enrich(known, [person(addresses={EMAIL: ("c@b.org",)}), person(addresses={SMS: ("+1",)})])

    assert richer == Contact(name="Li Wei", account="7", addresses={EMAIL: ("a@b.org", "c@b.org"), SMS: ("+1",)})
    assert (richer.address(EMAIL), richer.address(PUSH)) == ("a@b.org", None)


@pytest.mark.parametrize(
    "contact",
    [
        Contact(),
        Contact(
            name='Zoë "Q" \\ 王\u2028伟', account="1\x07", addresses={EMAIL: ("a@b.org",), PUSH: ('{"endpoint": "x"}',)}
        ),
    ],
)
def test_a_contact_survives_being_written_and_read(contact):
    assert Contact.from_bytes(contact.to_bytes()) == contact


@pytest.mark.parametrize(
    ("place", "language"), [("CN-44", "zh"), ("HK", "zh"), ("AT", "de"), ("FR", "fr"), ("US-CA", "en"), ("", "en")]
)
def test_the_usual_language_of_a_place(place, language):
    assert roster.usual_language(place) == language


def match(header, **chosen):
    return columns.match(header, chosen, source="Roster x.csv")


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("E-Mail", Field.EMAIL),
        ("e_mail address", Field.EMAIL),
        ("Ｅｍａｉｌ", Field.EMAIL),
        ("邮箱", Field.EMAIL),
        ("Adresse e-mail", Field.EMAIL),
        ("Handynummer", Field.PHONE),
        ("Téléphone portable", Field.PHONE),
        ("手机号码", Field.PHONE),
        ("Festnetz", Field.LANDLINE),
        ("FCM token", Field.PUSH_TOKEN),
        ("User ID", Field.ACCOUNT),
        ("push_token", Field.PUSH_TOKEN),
        ("Bundesland", Field.SUBDIVISION),
        ("shoe size", None),
        ("", None),
    ],
)
def test_headings_are_known_in_four_languages_and_any_spelling(heading, field):
    assert columns.field_of(heading) is field


def test_a_choice_of_the_user_comes_before_what_a_heading_looks_like():
    used = match(["email", "Kontakt", "id"], email="kontakt")

    assert [(column.index, column.field) for column in used.used] == [(1, Field.EMAIL), (2, Field.ACCOUNT)]


def test_no_usable_column_is_one_sentence_that_quotes_no_heading():
    with pytest.raises(Invalid) as caught:
        match(["Anna Becker", "anna@example.org"])

    assert str(caught.value) == (
        "Roster x.csv: none of its 2 columns is usable: name one account, email, phone, landline or push_token "
        "in the first row, or say which it is with --map email=HEADING."
    )


def test_names_alone_are_no_usable_column():
    with pytest.raises(Invalid, match="none of its 2 columns"):
        match(["name", "country"])


def test_two_columns_that_claim_to_be_the_account_are_refused_and_a_choice_settles_it():
    with pytest.raises(Invalid, match=r"columns 1 and 3 both look like the account: .*--map account="):
        match(["user id", "email", "customer id"])

    assert match(["user id", "email", "customer id"], account="customer id").of(Field.ACCOUNT)[0].index == 2


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"emial": "x"}, "did you mean email"),
        ({"zzz": "email"}, "use one of account"),
        ({"email": "nowhere"}, "no column has that heading"),
    ],
)
def test_a_wrong_choice_is_refused_with_advice(chosen, said):
    with pytest.raises(Invalid, match=said):
        match(["email"], **chosen)
