"""Places as data: ISO 3166-1 countries with their zone and name, and the ISO 3166-2 subdivisions that laws use.

The zone is that of the seat of government, where an authority reads its clock. Countries and zones follow the IANA time
zone database (public domain).
"""

COUNTRIES = """
AD Europe/Andorra Andorra
AE Asia/Dubai United Arab Emirates
AF Asia/Kabul Afghanistan
AG America/Antigua Antigua & Barbuda
AI America/Anguilla Anguilla
AL Europe/Tirane Albania
AM Asia/Yerevan Armenia
AO Africa/Luanda Angola
AQ UTC Antarctica
AR America/Argentina/Buenos_Aires Argentina
AS Pacific/Pago_Pago Samoa (American)
AT Europe/Vienna Austria
AU Australia/Sydney Australia
AW America/Aruba Aruba
AX Europe/Mariehamn Åland Islands
AZ Asia/Baku Azerbaijan
BA Europe/Sarajevo Bosnia & Herzegovina
BB America/Barbados Barbados
BD Asia/Dhaka Bangladesh
BE Europe/Brussels Belgium
BF Africa/Ouagadougou Burkina Faso
BG Europe/Sofia Bulgaria
BH Asia/Bahrain Bahrain
BI Africa/Bujumbura Burundi
BJ Africa/Porto-Novo Benin
BL America/St_Barthelemy St Barthélemy
BM Atlantic/Bermuda Bermuda
BN Asia/Brunei Brunei
BO America/La_Paz Bolivia
BQ America/Kralendijk Caribbean NL
BR America/Sao_Paulo Brazil
BS America/Nassau Bahamas
BT Asia/Thimphu Bhutan
BV UTC Bouvet Island
BW Africa/Gaborone Botswana
BY Europe/Minsk Belarus
BZ America/Belize Belize
CA America/Toronto Canada
CC Indian/Cocos Cocos (Keeling) Islands
CD Africa/Kinshasa Congo (Kinshasa)
CF Africa/Bangui Central African Rep.
CG Africa/Brazzaville Congo (Brazzaville)
CH Europe/Zurich Switzerland
CI Africa/Abidjan Côte d'Ivoire
CK Pacific/Rarotonga Cook Islands
CL America/Santiago Chile
CM Africa/Douala Cameroon
CN Asia/Shanghai China
CO America/Bogota Colombia
CR America/Costa_Rica Costa Rica
CU America/Havana Cuba
CV Atlantic/Cape_Verde Cape Verde
CW America/Curacao Curaçao
CX Indian/Christmas Christmas Island
CY Asia/Nicosia Cyprus
CZ Europe/Prague Czech Republic
DE Europe/Berlin Germany
DJ Africa/Djibouti Djibouti
DK Europe/Copenhagen Denmark
DM America/Dominica Dominica
DO America/Santo_Domingo Dominican Republic
DZ Africa/Algiers Algeria
EC America/Guayaquil Ecuador
EE Europe/Tallinn Estonia
EG Africa/Cairo Egypt
EH Africa/El_Aaiun Western Sahara
ER Africa/Asmara Eritrea
ES Europe/Madrid Spain
ET Africa/Addis_Ababa Ethiopia
FI Europe/Helsinki Finland
FJ Pacific/Fiji Fiji
FK Atlantic/Stanley Falkland Islands
FM Pacific/Chuuk Micronesia
FO Atlantic/Faroe Faroe Islands
FR Europe/Paris France
GA Africa/Libreville Gabon
GB Europe/London United Kingdom
GD America/Grenada Grenada
GE Asia/Tbilisi Georgia
GF America/Cayenne French Guiana
GG Europe/Guernsey Guernsey
GH Africa/Accra Ghana
GI Europe/Gibraltar Gibraltar
GL America/Nuuk Greenland
GM Africa/Banjul Gambia
GN Africa/Conakry Guinea
GP America/Guadeloupe Guadeloupe
GQ Africa/Malabo Equatorial Guinea
GR Europe/Athens Greece
GS Atlantic/South_Georgia South Georgia & the South Sandwich Islands
GT America/Guatemala Guatemala
GU Pacific/Guam Guam
GW Africa/Bissau Guinea-Bissau
GY America/Guyana Guyana
HK Asia/Hong_Kong Hong Kong
HM UTC Heard Island & McDonald Islands
HN America/Tegucigalpa Honduras
HR Europe/Zagreb Croatia
HT America/Port-au-Prince Haiti
HU Europe/Budapest Hungary
ID Asia/Jakarta Indonesia
IE Europe/Dublin Ireland
IL Asia/Jerusalem Israel
IM Europe/Isle_of_Man Isle of Man
IN Asia/Kolkata India
IO Indian/Chagos British Indian Ocean Territory
IQ Asia/Baghdad Iraq
IR Asia/Tehran Iran
IS Atlantic/Reykjavik Iceland
IT Europe/Rome Italy
JE Europe/Jersey Jersey
JM America/Jamaica Jamaica
JO Asia/Amman Jordan
JP Asia/Tokyo Japan
KE Africa/Nairobi Kenya
KG Asia/Bishkek Kyrgyzstan
KH Asia/Phnom_Penh Cambodia
KI Pacific/Tarawa Kiribati
KM Indian/Comoro Comoros
KN America/St_Kitts St Kitts & Nevis
KP Asia/Pyongyang North Korea
KR Asia/Seoul South Korea
KW Asia/Kuwait Kuwait
KY America/Cayman Cayman Islands
KZ Asia/Almaty Kazakhstan
LA Asia/Vientiane Laos
LB Asia/Beirut Lebanon
LC America/St_Lucia St Lucia
LI Europe/Vaduz Liechtenstein
LK Asia/Colombo Sri Lanka
LR Africa/Monrovia Liberia
LS Africa/Maseru Lesotho
LT Europe/Vilnius Lithuania
LU Europe/Luxembourg Luxembourg
LV Europe/Riga Latvia
LY Africa/Tripoli Libya
MA Africa/Casablanca Morocco
MC Europe/Monaco Monaco
MD Europe/Chisinau Moldova
ME Europe/Podgorica Montenegro
MF America/Marigot St Martin (French)
MG Indian/Antananarivo Madagascar
MH Pacific/Majuro Marshall Islands
MK Europe/Skopje North Macedonia
ML Africa/Bamako Mali
MM Asia/Yangon Myanmar (Burma)
MN Asia/Ulaanbaatar Mongolia
MO Asia/Macau Macau
MP Pacific/Saipan Northern Mariana Islands
MQ America/Martinique Martinique
MR Africa/Nouakchott Mauritania
MS America/Montserrat Montserrat
MT Europe/Malta Malta
MU Indian/Mauritius Mauritius
MV Indian/Maldives Maldives
MW Africa/Blantyre Malawi
MX America/Mexico_City Mexico
MY Asia/Kuala_Lumpur Malaysia
MZ Africa/Maputo Mozambique
NA Africa/Windhoek Namibia
NC Pacific/Noumea New Caledonia
NE Africa/Niamey Niger
NF Pacific/Norfolk Norfolk Island
NG Africa/Lagos Nigeria
NI America/Managua Nicaragua
NL Europe/Amsterdam Netherlands
NO Europe/Oslo Norway
NP Asia/Kathmandu Nepal
NR Pacific/Nauru Nauru
NU Pacific/Niue Niue
NZ Pacific/Auckland New Zealand
OM Asia/Muscat Oman
PA America/Panama Panama
PE America/Lima Peru
PF Pacific/Tahiti French Polynesia
PG Pacific/Port_Moresby Papua New Guinea
PH Asia/Manila Philippines
PK Asia/Karachi Pakistan
PL Europe/Warsaw Poland
PM America/Miquelon St Pierre & Miquelon
PN Pacific/Pitcairn Pitcairn
PR America/Puerto_Rico Puerto Rico
PS Asia/Gaza Palestine
PT Europe/Lisbon Portugal
PW Pacific/Palau Palau
PY America/Asuncion Paraguay
QA Asia/Qatar Qatar
RE Indian/Reunion Réunion
RO Europe/Bucharest Romania
RS Europe/Belgrade Serbia
RU Europe/Moscow Russia
RW Africa/Kigali Rwanda
SA Asia/Riyadh Saudi Arabia
SB Pacific/Guadalcanal Solomon Islands
SC Indian/Mahe Seychelles
SD Africa/Khartoum Sudan
SE Europe/Stockholm Sweden
SG Asia/Singapore Singapore
SH Atlantic/St_Helena St Helena
SI Europe/Ljubljana Slovenia
SJ Arctic/Longyearbyen Svalbard & Jan Mayen
SK Europe/Bratislava Slovakia
SL Africa/Freetown Sierra Leone
SM Europe/San_Marino San Marino
SN Africa/Dakar Senegal
SO Africa/Mogadishu Somalia
SR America/Paramaribo Suriname
SS Africa/Juba South Sudan
ST Africa/Sao_Tome Sao Tome & Principe
SV America/El_Salvador El Salvador
SX America/Lower_Princes St Maarten (Dutch)
SY Asia/Damascus Syria
SZ Africa/Mbabane Eswatini (Swaziland)
TC America/Grand_Turk Turks & Caicos Is
TD Africa/Ndjamena Chad
TF Indian/Kerguelen French S. Terr.
TG Africa/Lome Togo
TH Asia/Bangkok Thailand
TJ Asia/Dushanbe Tajikistan
TK Pacific/Fakaofo Tokelau
TL Asia/Dili East Timor
TM Asia/Ashgabat Turkmenistan
TN Africa/Tunis Tunisia
TO Pacific/Tongatapu Tonga
TR Europe/Istanbul Türkiye
TT America/Port_of_Spain Trinidad & Tobago
TV Pacific/Funafuti Tuvalu
TW Asia/Taipei Taiwan
TZ Africa/Dar_es_Salaam Tanzania
UA Europe/Kyiv Ukraine
UG Africa/Kampala Uganda
UM Pacific/Midway US minor outlying islands
US America/New_York United States
UY America/Montevideo Uruguay
UZ Asia/Tashkent Uzbekistan
VA Europe/Vatican Vatican City
VC America/St_Vincent St Vincent
VE America/Caracas Venezuela
VG America/Tortola Virgin Islands (UK)
VI America/St_Thomas Virgin Islands (US)
VN Asia/Ho_Chi_Minh Vietnam
VU Pacific/Efate Vanuatu
WF Pacific/Wallis Wallis & Futuna
WS Pacific/Apia Samoa (western)
YE Asia/Aden Yemen
YT Indian/Mayotte Mayotte
ZA Africa/Johannesburg South Africa
ZM Africa/Lusaka Zambia
ZW Africa/Harare Zimbabwe
"""

# Country, then its subdivisions without the country. Mainland China has both spellings that are in use.
SUBDIVISIONS = """
AD: 02 03 04 05 06 07 08
AE: AJ AZ DU FU RK SH UQ
AM: AG AR AV ER GR KT LO SH SU TV VD
AR: A B C D E F G H J K L M N P Q R S T U V W X Y Z
AT: 1 2 3 4 5 6 7 8 9
AU: ACT NSW NT QLD SA TAS VIC WA
BA: BIH BRC SRP
BO: B C H L N O P S T
BQ: BON SAB STA
BR: AC AL AM AP BA CE DF ES GO MA MG MS MT PA PB PE PI PR RJ RN RO RR RS SC SE SP TO
BT: 11 12 13 14 15 21 22 23 24 31 32 33 34 41 42 43 44 45 GA TY
CA: AB BC MB NB NL NS NT NU ON PE QC SK YT
CH: AG AI AR BE BL BS FR GE GL GR JU LU NE NW OW SG SH SO SZ TG TI UR VD VS ZG ZH
CL: AI AN AP AR AT BI CO LI LL LR MA ML NB RM TA VS
CN: AH BJ CQ FJ GD GS GX GZ HA HB HE HI HL HN JL JS JX LN NM NX QH SC SD SH SN SX TJ XJ XZ YN ZJ HK MO TW 11 12 13 14
  15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65
CV: BR BV CA CF CR MA MO PA PN PR RB RG RS SD SF SL SM SO SS SV TA TS
DE: BB BE BW BY HB HE HH MV NI NW RP SH SL SN ST TH
ES: AN AR AS CB CE CL CM CN CT EX GA IB MC MD ML NC PV RI VC
FI: 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19
FM: KSA PNI TRK YAP
FR: 57 6AE 971 972 973 974 976 BL MF NC PF PM TF WF
GB: ENG NIR SCT WLS
GQ: AN BN BS CS DJ KN LI WN
IN: AN AP AR AS BR CG CH DH DL GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD PB PY RJ SK TN TR TS UK UP WB
IT: AG AL AN AO AP AQ AR AT AV BA BG BI BL BN BO BR BS BT BZ CA CB CE CH CL CN CO CR CS CT CZ EN FC FE FG FI FM FR GE
  GO GR IM IS KR LC LE LI LO LT LU MB MC ME MI MN MO MS MT NA NO NU OR PA PC PD PE PG PI PN PO PR PT PU PV PZ RA RC RE
  RG RI RM RN RO SA SI SO SP SR SS SU SV TA TE TN TO TP TR TS TV UD VA VB VC VE VI VR VT VV
JP: 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38
  39 40 41 42 43 44 45 46 47
KR: 11 26 27 28 29 30 31 41 42 43 44 45 46 47 48 49 50
MO: I M
MY: 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16
NI: AN AS BO CA CI CO ES GR JI LE MD MN MS MT NS RI SJ
NO: 03 11 15 18 21 22 31 32 33 34 39 40 42 46 50 55 56
NZ: AUK BOP CAN CIT GIS HKB MBH MWT NSN NTL OTA STL TAS TKI WGN WKO WTC
PL: 02 04 06 08 10 12 14 16 18 20 22 24 26 28 30 32
PT: 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 20 30
SB: CE CH CT GU IS MK ML RB TE WE
SH: AC HL TA
ST: 01 02 03 04 05 06 P
SV: AH CA CH CU LI MO PA SA SM SO SS SV UN US
TV: FUN NIT NKF NKL NMA NMG NUI VAI
US: AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT NC ND NE NH NJ NM NV NY
  OH OK OR PA PR RI SC SD TN TX UM UT VA VI VT WA WI WV WY
"""

# The names of subdivisions, for those whose codes a reader would have to look up in English.
PARTS = """
US-AK Alaska
US-AL Alabama
US-AR Arkansas
US-AZ Arizona
US-CA California
US-CO Colorado
US-CT Connecticut
US-DC District of Columbia
US-DE Delaware
US-FL Florida
US-GA Georgia
US-GU Guam
US-HI Hawaii
US-IA Iowa
US-ID Idaho
US-IL Illinois
US-IN Indiana
US-KS Kansas
US-KY Kentucky
US-LA Louisiana
US-MA Massachusetts
US-MD Maryland
US-ME Maine
US-MI Michigan
US-MN Minnesota
US-MO Missouri
US-MS Mississippi
US-MT Montana
US-NC North Carolina
US-ND North Dakota
US-NE Nebraska
US-NH New Hampshire
US-NJ New Jersey
US-NM New Mexico
US-NV Nevada
US-NY New York
US-OH Ohio
US-OK Oklahoma
US-OR Oregon
US-PA Pennsylvania
US-PR Puerto Rico
US-RI Rhode Island
US-SC South Carolina
US-SD South Dakota
US-TN Tennessee
US-TX Texas
US-UT Utah
US-VA Virginia
US-VI Virgin Islands
US-VT Vermont
US-WA Washington
US-WI Wisconsin
US-WV West Virginia
US-WY Wyoming
CA-AB Alberta
CA-BC British Columbia
CA-MB Manitoba
CA-NB New Brunswick
CA-NL Newfoundland and Labrador
CA-NS Nova Scotia
CA-NT Northwest Territories
CA-NU Nunavut
CA-ON Ontario
CA-PE Prince Edward Island
CA-QC Québec
CA-SK Saskatchewan
CA-YT Yukon
AU-ACT Australian Capital Territory
AU-NSW New South Wales
AU-NT Northern Territory
AU-QLD Queensland
AU-SA South Australia
AU-TAS Tasmania
AU-VIC Victoria
AU-WA Western Australia
"""
