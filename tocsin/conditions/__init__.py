"""Conditions of laws as data: a small tree over the facts, judged in three values.

A test that turns on an unknown fact is neither true nor false; it names the fact. Every judgement says in words what
decided it. The forms, as they stand in a regime file::

    {all: [...]}  {any: [...]}  {not: {...}}  {proven: {...}}  {ref: name}  {always: true}
    {fact: organisation.role, is: controller}          is_any: [a, b] for several
    {fact: data.elements, has: ssn}                    has_any / has_all: [...]; `set:us-core` names a shared set
    {fact: organisation.seat, in_places: [EEA]}
    {fact: people.total, over: 500}                    at_least, below, at_most; `currency: CNY` beside money
    {people_in: [US-CA], over: 500}                    residents of places; `*` is everybody
    {recorded: times.classified}                       the fact has a value; otherwise unknown
    {significant: eu-nis2}                             was found major, significant or severe under that law
    {event: no-harm-found}                             was done; otherwise not
"""

from tocsin.conditions.forms import Definitions, parse
from tocsin.conditions.nodes import All, Always, AnyOf, Condition, Not, Proven, Truth, conjoined

__all__ = ["All", "Always", "AnyOf", "Condition", "Definitions", "Not", "Proven", "Truth", "conjoined", "parse"]
