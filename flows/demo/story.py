"""The story of one incident, told while it happens.

Every step asks the record first whether it is done already, so that a demonstration killed anywhere goes on where it
was.
"""

import asyncio
import os
import time
from pathlib import Path

from rich.console import Console

from db import facts as facts_store
from db import incidents, people, tasks, texts, waves
from flows import wiring
from flows.demo import closing, words
from flows.demo import people as made_up
from flows.demo.stage import PLAN, Stage, built
from flows.roster.importing import Imported
from flows.steps import approving, assessing, containing, declaring, drafting, enrolling, reporting, subjects
from flows.wiring import House
from tocsin import facts as fact_parser
from tocsin.errors import NotAllowed

RESPONDER, AUTHOR = "Lin Wei (security)", "Chen Yu (communications)"
OFFICER, LAWYER = "Zhao Min (privacy officer)", "Wang Fang (legal)"


def tell(folder: Path, *, count: int, seed: int) -> None:
    """Play the whole incident in `folder`; an interrupted one is finished."""
    Teller(count=count, seed=seed).tell(folder)


class Teller:
    """One telling: the screen, its watch, and the steps in order."""

    def __init__(self, *, count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._begun = time.monotonic()
        self._screen = Console(highlight=False, width=None if os.environ.get("COLUMNS") else 118)

    def tell(self, folder: Path) -> None:
        """Play it."""
        self.say("Starting the fake providers (SMTP, push, SMS, voice) and an embedded Prefect server …")
        with built(folder) as stage:
            house = stage.house
            if stage.resumed:
                self.say("Going on with an interrupted demonstration.")
            incident = self._declare(house)
            self._contain(house, incident)
            self._enrol(house, incident)
            self._more_facts(house, incident)
            self._first_report(house, incident)
            self._write_notice(house, incident)
            self._wait_for_prefect(stage)
            self._notify(house, incident)
            self._announce(house, incident)
            self._report(house, incident)
            self._watch()
            self._finish_tasks(house, incident)
            closing.show(self._screen, house, incident, stage.outbox, by=OFFICER)
        self.say(f"Done. Everything is in {closing.near(folder)}.")

    def say(self, text: str) -> None:
        """One line of the story, with the seconds since its beginning."""
        self._screen.print(f"[dim]{time.monotonic() - self._begun:5.1f}s[/] {text}")

    def chapter(self, title: str, house: House) -> None:
        """A phase of the plan, with the time on the incident's clock."""
        self._screen.print(
            f"\n[bold]{title}[/]  [dim]{house.now().in_tz('Asia/Shanghai').format('ddd D MMM, HH:mm')} Shanghai[/]"
        )

    def _declare(self, house: House) -> str:
        self.chapter("1 Declare", house)
        with house.database.reading() as session:
            known = incidents.listed(session)
        if known:
            self.say(f"Incident {known[0].id} is declared already.")
            return known[0].id
        facts = fact_parser.parse(words.first_facts(house.now().replace(microsecond=0)), source="the first facts")
        made = declaring.declare(house, facts, plan=PLAN, by=RESPONDER, now=house.now())
        self.say(f"{RESPONDER} declares {made.incident} with half the facts missing. What is owed already:")
        self._changes(made.changes)
        return made.incident

    def _contain(self, house: House, incident: str) -> None:
        self.chapter("2 Contain", house)
        self._finish(house, incident, "contain")

    def _finish(self, house: House, incident: str, phase: str) -> None:
        with house.database.reading() as session:
            todo = [task for task in tasks.listed(session, incident) if task.phase == phase and task.state == "open"]
        for task in todo:
            with house.database.transaction() as session:
                containing.finish_task(
                    session, incident, task.key, by=RESPONDER, evidence="done in the demonstration", now=house.now()
                )
            self.say(f"  {task.title} [dim]({task.owner})[/]: done")

    def _enrol(self, house: House, incident: str) -> None:
        self.chapter("3 Assess", house)
        with house.database.reading() as session:
            if waves.listed(session, incident):
                return
        roster = house.folder / "people.csv"
        made_up.write(roster, self._count, seed=self._seed)
        begun = time.monotonic()
        done: Imported = enrolling.enrol(house, incident, roster, mapping=[], by=RESPONDER, now=house.now())
        seconds = time.monotonic() - begun
        self.say(
            f"Roster: {done.rows} rows in {seconds:.1f} s: {done.people} people, {done.merged} merged as duplicates, "
            f"{done.rejected} rejected."
        )
        if done.rejected_path:
            self.say(f"Which rows, and why: {closing.near(done.rejected_path)}")

    def _more_facts(self, house: House, incident: str) -> None:
        with house.database.reading() as session:
            latest = facts_store.latest(session, incident)
            assert latest is not None
            counts = dict(people.counts(session, incident).by_place)
        if latest.version > 1:
            return
        wiring.set_clock(house.now().add(hours=2), folder=house.folder)
        started = fact_parser.parse(latest.document, source="the first facts").times
        assert started.aware is not None
        document = words.later_facts(started.aware.add(minutes=20), counts)
        facts = fact_parser.parse(document, source="the later facts")
        self.say("Two hours later more is known. What that changes:")
        self._changes(declaring.change_facts(house, incident, facts, by=RESPONDER, now=house.now()))

    def _first_report(self, house: House, incident: str) -> None:
        """The shortest clock: the Chinese form may be handed in with gaps, and its clock runs four hours."""
        self._hand_in(house, incident, "cn-cac-incident")

    def _hand_in(self, house: House, incident: str, form: str) -> None:
        with house.database.transaction() as session:
            row, _ = reporting.draft(house, session, incident, form, by=OFFICER, now=house.now())
        if row.filed_at is not None:
            return
        reporting.write(house, incident, form)
        approving.approve(house, incident, f"report:{row.form}:{row.stage}", by=LAWYER, now=house.now())
        reference, now = f"DEMO-{row.hash[:6].upper()}", house.now()
        reporting.filed(house, incident, form, stage=None, reference=reference, by=OFFICER, at=now, now=now)
        self.say(
            f"{LAWYER} approves and {OFFICER} hands in {form} ({row.stage}), version {row.version} with "
            f"{len(row.missing)} gaps; "
            f"reference {reference}."
        )

    def _changes(self, changes: object) -> None:
        for change in changes:  # type: ignore[attr-defined]
            self._screen.print(f"         [cyan]{change.kind:<20}[/] {change.sentence}", soft_wrap=True)

    def _write_notice(self, house: House, incident: str) -> None:
        self.chapter("4 Notify", house)
        with house.database.reading() as session:
            written = texts.all_latest(session, incident, "notice")
        if not written:
            drafting.draft_notice(house, incident, by=AUTHOR, now=house.now())
        self._fill(house, incident, "notice")
        with house.database.reading() as session:
            subject = subjects.find(house, session, incident, "notice")
        self.say(f"{AUTHOR} has written the notice (zh, en): {len(subject.problems)} problems, {subject.content[:12]}.")
        self._approve(house, incident, "notice")

    def _fill(self, house: House, incident: str, kind: str) -> None:
        """The author puts words where the draft left gaps."""
        folder = house.folder / kind
        for path in drafting.write_files(house, incident, folder, kind=kind):
            drafting.fill_gaps(path, words.FILLED[path.stem])
        drafting.put_files(house, incident, sorted(folder.glob("*.yaml")), by=AUTHOR, now=house.now(), kind=kind)

    def _approve(self, house: House, incident: str, name: str) -> None:
        with house.database.transaction() as session:
            subject = subjects.find(house, session, incident, name)
            if approving.standing(house, session, incident, subject).granted:
                return
        if AUTHOR in subject.authors:
            try:
                approving.approve(house, incident, name, by=AUTHOR, now=house.now())
            except NotAllowed as refused:
                self.say(f"[yellow]Refused, and on the ledger:[/] {refused}")
        for officer in (OFFICER, LAWYER):
            state = approving.approve(house, incident, name, by=officer, now=house.now())
            self.say(f"{officer} approves the {name} ({len(state.given_by)} of {state.needed}).")
            if state.granted:
                return

    def _wait_for_prefect(self, stage: Stage) -> None:
        with self._screen.status("waiting for the embedded Prefect server"):
            stage.server.wait()
        os.environ.update(stage.server.environment)
        self.say(f"The embedded Prefect server answers at {stage.server.environment['PREFECT_API_URL']}.")

    @staticmethod
    def _respond(incident: str) -> list[str]:
        from flows.respond import respond

        return asyncio.run(respond(incident))

    def _notify(self, house: House, incident: str) -> None:
        """Run `respond`, let receipts come in, move the clock to the next rung, until everyone has a verdict."""
        for _ in range(40):
            waiting = self._respond(incident)
            with house.database.reading() as session:
                counts = people.counts(session, incident)
                following = people.next_look(session, incident)
            verdicts = ", ".join(f"{name} {number}" for name, number in sorted(counts.by_verdict.items())) or "none yet"
            self.say(f"respond: {counts.pending} of {counts.total} people open; verdicts: {verdicts}.")
            if not counts.pending:
                return
            time.sleep(0.5)
            if following and following > house.now():
                wiring.set_clock(following, folder=house.folder)
        message = f"the demonstration did not come to an end; it waits for {waiting}"
        raise AssertionError(message)

    def _announce(self, house: House, incident: str) -> None:
        self.chapter("5 Announce", house)
        with house.database.reading() as session:
            proposed = texts.all_latest(session, incident, "announcement")
        if not proposed:
            self.say("Everybody was reached: no announcement is needed.")
            return
        self.say("Some people cannot be told one by one: an announcement is proposed.")
        self._fill(house, incident, "announcement")
        self._approve(house, incident, "announcement")
        self._respond(incident)

    def _report(self, house: House, incident: str) -> None:
        self.chapter("6 Report", house)
        with house.database.reading() as session:
            forms = reporting.owed_forms(house, session, incident)
        for form in forms:
            self._hand_in(house, incident, form.id)
        for duty in assessing.by_hand(house, incident):
            assessing.finish(house, incident, duty, by=OFFICER, evidence="done in the demonstration", now=house.now())
            self.say(f"{OFFICER} records {duty} as done.")

    def _watch(self) -> None:
        from flows.watch import watch

        seen = asyncio.run(watch(drive=False))
        self.say(f"The watch has looked: {seen['overdue']} newly overdue, {seen['warned']} warnings.")

    def _finish_tasks(self, house: House, incident: str) -> None:
        self.chapter("7 Review", house)
        self._respond(incident)
        for phase in ("assess", "review"):
            self._finish(house, incident, phase)
        waiting = self._respond(incident)
        self.say(f"The plan is through; it waits for {len(waiting)} more things.")
