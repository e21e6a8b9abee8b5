"""The law cases beside this file, one folder and file for each regime file, and the promise that none is missing."""

from functools import cache
from pathlib import Path

import pytest

from flows import library
from tocsin import duties, lawcases, reading

HERE = Path(__file__).parent
PATHS = sorted(library.files())


@cache
def cases_of(path):
    """The cases beside one law; read when its tests run, for every worker collects all of them."""
    file = HERE / path
    return lawcases.read(reading.our_own(file.read_bytes(), source=path), source=path) if file.exists() else ()


def of(path):
    return library.regimes_by_path()[path]


def test_every_regime_file_has_a_case_file_of_the_same_path_and_the_other_way_round():
    assert sorted(str(path.relative_to(HERE)) for path in HERE.rglob("*.yaml")) == PATHS


@pytest.mark.parametrize("path", PATHS)
def test_the_statute_is_kept(path):
    """All cases of one law in one test: there are thousands, and a failure names its case."""
    regime = of(path)
    failures = {case.name: found for case in cases_of(path) if (found := lawcases.judge(regime, case))}
    assert failures == {}
    for case in cases_of(path):
        assert case.expect or (regime.text.status == "no-duty" and regime.applies.judge(case.facts).value is not None)
        keeps_the_contract(lawcases.assessed(regime, case))


def keeps_the_contract(assessment):
    owed = [duty.target for duty in assessment.duties if duty.status == "owed" and duty.target is not None]
    assert owed == sorted(owed)
    for duty in assessment.duties:
        assert duty.undated is None or duty.due is None
        assert (duty.due is None) == (duty.target is None)
        assert duty.due is None or duty.target <= duty.due
        assert duty.status != "undetermined" or duty.unknown
        assert duty.explained
        assert duties.recall(duty.row()) == duty


@pytest.mark.parametrize("path", PATHS)
def test_no_edge_of_the_law_is_untried(path):
    assert lawcases.gaps(of(path), cases_of(path)) == ()


@pytest.mark.parametrize("path", PATHS)
def test_every_citation_has_a_source_with_a_link_and_the_day_it_was_read(path):
    regime = of(path)
    for _, version in lawcases.versions(regime):
        cited = [version.text, *version.text.unless, *version.text.holds, *version.text.substitute]
        for one in cited:
            source = regime.text.sources[one.source]
            assert one.citation
            assert source.link
            assert source.link.startswith("http")
            assert source.read_on
            assert source.confidence


def test_a_regime_file_lies_under_the_country_of_its_id():
    for path, regime in library.regimes_by_path().items():
        folder = {"uk": "gb"}.get(regime.id.split("-")[0], regime.id.split("-")[0])
        assert path.startswith(f"{folder}/"), (path, regime.id)


@pytest.mark.parametrize("path", PATHS)
def test_notes_are_sentences_and_contents_begin_like_one(path):
    """An unquoted comma in a list of YAML cuts a sentence in two: one begins small, the other has no end."""
    for duty, version in lawcases.versions(of(path)):
        for said in (*version.text.notes, *version.text.content):
            assert said[0].isupper() or said[0] in '0123456789"`', (duty, said)
        for note in version.text.notes:
            assert note.rstrip()[-1] in ".?!", (duty, note)
