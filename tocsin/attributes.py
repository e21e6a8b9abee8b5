"""What an organisation may be under some law: the closed keys of `organisation.attributes`, and what each means.

A meaning completes the question "Is the organisation ...?".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_TABLE: Final = """
hipaa | covered-entity business-associate | a covered entity or business associate under HIPAA (US)
part2_program | true | a substance use disorder program under 42 CFR Part 2 (US)
glba | true | a financial institution under the Gramm-Leach-Bliley Act (US)
nydfs | true | licensed by New York's Department of Financial Services
aca_exchange | true | a health insurance exchange, or does it handle data for one (US)
insurance_licensee | places | licensed as an insurer or agent, and where
public_agency | places | a public body, and of which place
information_broker | true | a seller of data about people it has no dealings with
serves_broker_or_agency | true | keeping data for an information broker or a public body (Georgia)
sec_registrant | true | reporting to the US Securities and Exchange Commission
regsp_larger | true | a larger entity under Regulation S-P (US)
bank | true | a bank under US federal rules
osfi | true | a federally regulated financial institution (Canada)
ciro | true | a dealer member of the Canadian Investment Regulatory Organization
tsa_directive | true | bound by a security directive or programme of the US Transportation Security Administration
uscg_facility | true | a vessel, port facility or platform under the US Coast Guard's cybersecurity rule
bulk_electric | true | registered with NERC for the bulk electric system (US)
federal_system | true | a US federal agency, or does it run a system for one
title_iv | true | a school or servicer in the US federal student aid programmes
licensed_clinic | places | a licensed clinic, health facility or hospice, and where
consumer_reporting_agency | true | a credit bureau
health_app | true | keeping personal health records under the FTC's rule (US)
nis2 | essential important | an essential or important entity under NIS 2 (EU)
trust_service | true | a trust service provider (EU)
dora | credit-institution insurer payment-institution other | a financial entity under DORA (EU), and which
telecom | true | a provider of public electronic communications
online_service | true | offering services or information over networks for profit (South Korea)
manufacturer | true | a maker of products with digital elements (EU Cyber Resilience Act)
exploited_vulnerability | true | the maker of a product with an actively exploited vulnerability (EU CRA)
eidas_qualified | true | a qualified trust service provider (EU)
uk_nis | essential-service digital-service | an operator or provider under the NIS Regulations 2018 (UK)
cii | true | a designated operator of critical infrastructure (China, Hong Kong, Macau, Australia)
handles_over_1m | true | handling data of more than a million people (China)
central_organ | true | a central state organ or its direct unit (China)
employees | number | an employer, and of how many people
anci | essential vital | an essential service or an operator of vital importance (Chile)
free_zone | difc adgm qfc | in a financial free zone with its own data law (Dubai, Abu Dhabi, Qatar)
operates_in | places | established or running networks elsewhere than at its seat, and where
processor_of | parties | a processor for others, and for whom
breached_vendors | parties | untouched itself because it happened at a vendor, and at which
"""


@dataclass(frozen=True)
class Attribute:
    """What may stand there besides `false` and `unknown` (`true`, words, number, places, parties); its meaning."""

    form: str
    meaning: str


def _read() -> dict[str, Attribute]:
    rows = (tuple(cell.strip() for cell in line.split("|")) for line in _TABLE.strip().splitlines())
    return {name: Attribute(form, meaning) for name, form, meaning in rows}


ATTRIBUTES: Final[Mapping[str, Attribute]] = MappingProxyType(_read())
