"""What news words have to do with each other: near meaning, opposites, nations, hedges, common words. Pure tables.

Made by hand for English news, and deliberately small: a wrong pair hides an error, a missing one only costs some of a
score. Every word is kept as its stem (`news.terms`), so that inflections need no entries of their own.
"""

from __future__ import annotations

from functools import lru_cache

from news.terms import terms

_IRREGULAR = """
arise arose arisen | be was were been is are am | beat beaten | become became | begin began begun | bite bit bitten |
blow blew blown | break broke broken | bring brought | build built | burn burnt | buy bought | catch caught | child
children | choose chose chosen | deal dealt | die died dying | do did done does | draw drew drawn | drink drank drunk
| drive drove driven | eat ate eaten | fall fell fallen | feel felt | fight fought | find found | flee fled | fly flew
flown | forbid forbade forbidden | forget forgot | freeze froze frozen | get got gotten | give gave given | go went
gone | grow grew grown | hang hung | have had has | hear heard | hide hid hidden | hold held | keep kept | know knew
known | lead led | leave left | lend lent | lie lying | lose lost | make made | man men | mean meant | meet met |
overthrow overthrew overthrown | pay paid | person people | ride rode ridden | ring rang rung | rise rose risen | run
ran | say said | see saw seen | seek sought | sell sold | send sent | shake shook shaken | shoot shot | show showed
shown | sing sang sung | sink sank sunk | sit sat | slay slew slain | sleep slept | speak spoke spoken | spend spent |
stand stood | steal stole stolen | strike struck stricken | swear swore sworn | sweep swept | swim swam swum | take
took taken | teach taught | tear tore torn | tell told | think thought | throw threw thrown | undergo underwent |
understand understood | wake woke | wear wore worn | win won | withdraw withdrew withdrawn | woman women | write wrote
written | wife wives | life lives | foot feet | thief thieves | good better best | bad worse worst | spokesman
spokeswoman spokesperson | lay laid | bid bade | overcome overcame | uphold upheld | undertake undertook | foresee
foresaw | hit hits | police policeman policemen policewoman
"""

# Words that may stand for each other in a sentence of news; a word may be in several groups.
_NEAR = """
say tell state declare comment remark add note claim insist argue stress explain announce report reveal warn describe
| announce unveil reveal publish release disclose | warn caution alert | kill die death dead fatal slay murder claim |
murder homicide manslaughter | injure wound hurt casualty | arrest detain custody seize apprehend hold | jail imprison
sentence prison term | prison jail | convict guilty | charge accuse indict allege prosecute | sue lawsuit suit legal |
court tribunal judge justice | ruling verdict judgment decision rule decide | trial hearing court | rise increase
climb grow jump surge soar gain gather up higher growth hike rally | rise raise lift | fall drop decline decrease
slump plunge tumble sink slip dip shrink down lower reduce cut slide | cut reduce slash lower trim curb | win beat
defeat victory triumph overcome clinch | lose defeat loss beat | match game fixture clash | championship tournament
competition title cup | goal score net strike | side team club squad | player footballer | manager coach boss | sign
join move transfer | striker forward | draw tie | approve back endorse pass agree support accept authorise authorize
adopt | reject refuse decline deny dismiss block oppose | resign quit leave depart step | sack fire dismiss oust
remove axe | appoint name hire choose select pick elect | successor replace succeed | ban prohibit bar outlaw forbid
block | allow permit let | stop halt end suspend cease pause | end finish conclude close complete | start begin launch
open commence kick | attack strike raid assault bomb hit bombard offensive target | bomb explosion blast explode
bombing | missile rocket | soldier troop military army force serviceman | war conflict fighting battle | fight battle
clash combat | ceasefire truce | peace ceasefire | deal agreement accord pact treaty | talk negotiation discussion
dialogue negotiate discuss | meet meeting summit talk | visit trip travel | protest demonstration rally march
demonstrate protester demonstrator | unrest riot violence | police officer | policeman officer police | government
administration cabinet | minister secretary | president leader chief head | leader head chief boss | chief executive
ceo boss | company firm business corporation | firm company | worker employee staff | job post role position work |
hire recruit employ | strike walkout | buy purchase acquire takeover acquisition | sell sale | profit earnings |
income revenue sale | price cost | money fund cash | fund finance money | tax levy duty tariff | bank lender | economy
economic | storm hurricane typhoon cyclone | flood flooding floodwater | earthquake quake tremor | fire blaze wildfire
| rain rainfall | hot heat heatwave | crash collision accident collide | car vehicle | lorry truck | plane aircraft
jet airliner aeroplane airplane | ship vessel boat tanker | boat vessel | train rail railway | road street | doctor
medic physician | hospital clinic | patient sufferer | disease illness virus | ill sick unwell | drug medicine
medication | vaccine vaccination jab | child kid youngster boy girl | boy child | girl child | baby infant newborn |
man male | woman female | parent mother father | mum mother | dad father | teenager youth teen | pupil student
schoolchild | student pupil undergraduate | school college | teacher school | pensioner elderly | family relative |
wife spouse | husband spouse | friend colleague | house home property | home house | build construct construction |
plan propose proposal scheme intend | plan project scheme | intend plan | hope want aim wish seek | want seek demand |
demand call urge ask | ask request | urge call appeal press | criticise criticize condemn denounce attack slam blast |
criticism backlash anger | praise hail laud welcome applaud | apologise apologize sorry apology | help aid assist
support assistance | rescue save | save rescue | find discover locate | discover find uncover | search look hunt |
investigate probe inquiry investigation examine inquest | study research survey | researcher scientist expert academic
| show suggest reveal indicate find | prove show | cause lead trigger prompt spark result | because due after
following | vote ballot election poll | election vote poll | voter electorate | lawmaker mp legislator politician
parliamentarian senator congressman | parliament legislature assembly | law legislation act bill | rule regulation law
| party group | campaign push | opposition rival | rival opponent competitor | victim casualty | suspect accused |
rebel militant insurgent fighter | militant terrorist extremist | terrorist militant | gunman shooter attacker |
attacker assailant | weapon gun firearm | gun firearm weapon pistol rifle | shoot gun fire shooting | stab knife |
thief burglar robber | steal rob theft robbery burglary | fraud scam | migrant refugee immigrant | flee escape |
escape flee | evacuate flee leave | return back | arrive reach come | leave depart | big large huge major massive |
large big | small little tiny | quick fast rapid | first inaugural debut | top lead first | last final | new fresh
latest | old elderly aged | many several numerous | almost nearly | near close nearby | nation country state | country
nation | city town | town village | village hamlet | area region district zone | region province | capital city |
border frontier | world global international | international global | foreign overseas abroad | famous celebrated
renowned | film movie | movie film | actor actress star | singer musician | song single track | album record | show
programme program series | television tv | broadcast air screen | newspaper paper daily | journalist reporter | book
novel | author writer | award prize honour honor | celebrate mark commemorate | anniversary mark | museum gallery |
dog puppy pet | cat kitten pet | animal creature | farmer agricultural farm | food meal | climate warming | pollution
emission | forest wood | sea ocean | river water | damage destroy devastate | destroy demolish ruin wreck | repair fix
| injury hurt | pain suffering | problem issue difficulty trouble | crisis emergency | risk danger threat | danger
threat hazard | threat threaten | safe secure | secret confidential | evidence proof | witness onlooker | crowd
audience spectator | fan supporter | support back | sanction penalty embargo | fine penalty penalise | punish penalty
sanction | pay wage salary | spend invest | investor shareholder | share stock | market exchange | debt loan | loan
borrow lend | trade export import | increase raise | delay postpone defer | cancel scrap axe abandon drop | replace
substitute | continue remain keep stay | remain stay | try attempt bid | fail unable | able can | must should need |
require need | use employ utilise | give hand grant award offer provide | provide supply give offer | get receive
obtain secure | receive get | send dispatch deploy | deploy send station | carry conduct | hold stage host | take
seize capture | capture seize take | control run | lead head run | follow after | face confront | tackle address
combat | deal handle | hide conceal | deny reject dispute | admit confess acknowledge concede | accept acknowledge |
believe think | think believe | expect predict forecast anticipate | fear worry concern | concern worry fear anxiety |
worry concern | anger fury outrage | shock stun surprise | sad tragic | tragedy tragic disaster | disaster catastrophe
| record unprecedented | history historic | important key crucial vital | likely probable | probably likely | possible
may might could | year annual yearly | month monthly | week weekly | day daily | decade year | weekend saturday sunday
| night overnight evening | today day | people person resident | resident inhabitant local people | citizen national |
body corpse | pregnant pregnancy | birth born bear | marry wedding marriage | divorce split separate | bus coach |
cyclist bike bicycle | driver motorist | passenger traveller | tourist visitor holidaymaker | hotel resort | airline
carrier | airport runway | church cathedral | priest clergy | pope pontiff vatican | muslim islamic | jewish jew |
computer software | internet online web | phone mobile smartphone | hack cyberattack breach | data information | user
customer | customer consumer shopper client | retailer shop store supermarket | shop store | brand label | planet
earth | space orbit | rocket spacecraft | launch liftoff | league division | season campaign | injured hurt | title
trophy | medal gold silver bronze | race grand | champion winner | winner win | quarter quarterly | half semi |
penalty spot | referee official | official authority spokesman | authority official council | spokesman representative
official | council authority | mayor council | clinch seal | extend prolong | extension extend | block prevent stop
halt | prevent stop avoid | protect safeguard | test trial | treat treatment | dump discard | close shut | shut close
closure | open reopen | split divide | merge combine | rename name | oppose against | collapse fall | topple overthrow
oust | coup overthrow | free release liberate | release free | hostage captive | kidnap abduct | rape assault sexual |
abuse mistreat | pledge promise vow commit | vow promise pledge | refuse decline | sign agree | host hold | withdraw
pull | scrap abolish | abolish scrap | overturn quash reverse | uphold confirm | confirm verify | postpone delay |
restore reinstate | resume restart | reopen open | lift ease relax | ease relax loosen | tighten toughen | expand
widen extend enlarge | expel deport | deport expel return | spread expand | infect infection contract | outbreak
epidemic | recover recovery | exceed surpass top above | fifth quintuple | double twice | half halve | total overall |
amount sum | dozen twelve | hundred century | despite although | drown die dead capsize sink | capsize overturn sink
turn flip | sink capsize | steal take theft stolen thief | theft steal robbery take | rescue bring pull evacuate save
| trap stuck catch | lure bait attract | roam wander | spare save | plunge drop fall plummet | bound head travel fly |
break fracture | harm hurt injure damage | surgery operation | medic doctor nurse | abroad foreign overseas | shortage
lack vacancy | vacant empty unfilled fill | vacancy vacant post job | frighten scare spook alarm | factory plant site
| plant factory | amount sum total figure | outstrip exceed ahead | cheap low affordable | anger complain complaint
furious | reunite together reform | reunion together reunite | material song content | show concert gig | concert gig
show | gig concert | extra additional fourth another more | additional extra more | defence barrier wall | objection
object oppose | damage wash wreck | service train bus | suspend cancel stop halt | line track railway | advise tell
urge warn | protect guard repellent safeguard | insect mosquito | limit restriction restrict curb cap | restriction
limit curb | worst low inadequate | best top high | rating rate grade | mistake error wrong | error mistake wrong
fault | fault error failure | text message | ex former | accuse allege | custody arrest detain | permanent good
forever | vow promise would pledge | trade business takings custom | motorist driver | shut close | clash fight |
violate break breach | breach break violate | truck lorry | mediate broker negotiate | broker negotiate mediate |
effect force begin | rebel alliance insurgent | ancient old | order commission | depart leave outgo | peer lord |
praise dedicated tribute | pain hurt injury | century hundred unbeaten ton | unbeaten century | bonus pay | challenge
appeal contest dispute | appeal challenge | profit money | spill release leak | customer household | household home
family customer | increase rise raise up | unborn baby | observation time data | previous before earlier | earlier
before previous | disaster sink accident crash | permit licence license allow | load carry passenger | loss dead die
death | organism living thing | technology tech | tech technology digital | artificial ai | ai artificial | cyber
online digital computer | chip semiconductor | carmaker automaker car | automaker carmaker | motor car auto | electric
battery | nuclear atomic | oil crude petroleum | gas fuel energy | energy power electricity | power electricity energy
| inflation price | interest rate | forecast expect predict estimate outlook | analyst expert economist | economist
analyst | regulator watchdog authority | watchdog regulator | probe investigate inquiry | boost increase raise lift
strengthen | boss chief head manager executive leader | head chief boss director lead leader | chair chairman
chairwoman head | spark cause trigger prompt | slam criticise criticize condemn | hit strike affect damage | eye
consider seek plan | mull consider weigh | weigh consider | row dispute argument controversy | dispute row argument
disagreement | split division divide | toll dead death number | ex-president former | detainee prisoner | inmate
prisoner | prisoner detainee inmate | landslide victory | snap early | poll survey vote | survey poll | rate pace |
outage blackout power | blackout outage | strike hit attack | troop soldier force military | force military troop army
| drone aerial unmanned | shell bombard fire | airstrike strike bomb raid | killed dead die | slay kill | wed marry |
bail release | plead admit | guilty convict | clear acquit | acquit clear innocent | axe cut cancel | rocket missile |
unveil announce present show | tie draw link | linked tie connect associate relate | link connect tie associate relate
| possible potential may could | reportedly report
"""

# Opposites: a claim with the one where its source has the other says the reverse.
_OPPOSITE = """
rise increase climb grow jump surge soar gain up higher growth / fall drop decline decrease slump plunge tumble slip
down lower shrink loss | increase raise hike / cut reduce slash lower decrease | win beat defeat victory / lose loss |
win victory / defeat draw | approve accept adopt endorse / reject refuse veto | approve back support endorse welcome /
oppose reject condemn criticise criticize | accept / refuse decline reject | agree / disagree refuse | allow permit /
ban bar prohibit block forbid | open reopen start begin launch / close shut end finish | start begin resume / stop
halt end suspend | arrive join enter / leave quit depart exit | appoint hire / sack fire dismiss | guilty convict /
innocent acquit clear | arrest jail / free release | admit confess / deny | confirm / deny | confirm / deny reject |
buy / sell | import / export | lend / borrow | attack / defend | north northern / south southern | east eastern / west
western | before / after | above / below | over / under | more / less fewer | most / least | high / low | best / worst
| better / worse | strong / weak | early / late | earlier / later | first / last | hot warm / cold cool | rich / poor
| old / young | new / old | man boy male father son brother husband / woman girl female mother daughter sister wife |
son / father | daughter / mother | survive alive / die kill dead death | success succeed / fail failure | pass / fail
| safe / dangerous unsafe | legal / illegal | lawful / unlawful | public / private | domestic / foreign | left / right
| minority / majority | maximum / minimum | ally friend / enemy rival | peace / war | strengthen / weaken | tighten /
ease relax loosen | expand widen / shrink narrow | lift remove ease / impose tighten introduce | impose introduce /
lift scrap remove | extend / cancel end shorten | praise hail laud / criticise criticize condemn | optimistic /
pessimistic | positive / negative | likely / unlikely | able / unable | possible / impossible | profit / loss |
surplus / deficit | ahead / behind | advance / retreat | deploy send / withdraw | accelerate / slow | improve / worsen
deteriorate | fast / slow | include / exclude | remember / forget | love / hate | hope / fear | day / night | morning
/ evening afternoon | urban / rural | senior / junior | employer / employee | teacher / pupil | doctor / patient |
buyer / seller | landlord / tenant | home / away | attacker / victim | uphold / overturn quash | healthy / sick ill |
return / leave | conservative / liberal | democrat / republican | democratic / republican
"""

_NATIONS = """
usa american america | uk britain british briton | england english | scotland scottish scots scot | wales welsh | france
french | germany german | spain spanish spaniard | italy italian | netherlands dutch holland | belgium belgian |
switzerland swiss | austria austrian | poland polish pole | denmark danish dane | sweden swedish swede | norway
norwegian | finland finnish finn | iceland icelandic | ireland irish | portugal portuguese | greece greek | turkey
turkish turkiye turk | russia russian kremlin | ukraine ukrainian | belarus belarusian | armenia armenian | china
chinese | japan japanese | korea korean | taiwan taiwanese | india indian | pakistan pakistani | bangladesh
bangladeshi | nepal nepalese nepali | afghanistan afghan | iran iranian | iraq iraqi | syria syrian | lebanon lebanese
| israel israeli | palestine palestinian | jordan jordanian | egypt egyptian | saudi | yemen yemeni | qatar qatari |
libya libyan | tunisia tunisian | algeria algerian | morocco moroccan | sudan sudanese | ethiopia ethiopian | somalia
somali | kenya kenyan | uganda ugandan | rwanda rwandan | congo congolese drc | nigeria nigerian | ghana ghanaian |
senegal senegalese | cameroon cameroonian | zimbabwe zimbabwean | zambia zambian | mozambique mozambican | angola
angolan | canada canadian | mexico mexican | cuba cuban | haiti haitian | jamaica jamaican | brazil brazilian |
argentina argentine argentinian | chile chilean | peru peruvian | colombia colombian | venezuela venezuelan | bolivia
bolivian | ecuador ecuadorian | uruguay uruguayan | paraguay paraguayan | australia australian aussie | zealand
zealander kiwi | philippines filipino philippine | indonesia indonesian | malaysia malaysian | thailand thai | vietnam
vietnamese | cambodia cambodian | myanmar burma burmese | singapore singaporean | hungary hungarian | romania romanian
| bulgaria bulgarian | serbia serbian serb | croatia croatian croat | bosnia bosnian | kosovo kosovar | albania
albanian | czech | slovakia slovak | slovenia slovenian | estonia estonian | latvia latvian | lithuania lithuanian |
europe european eu | africa african | asia asian | arab arabia arabian | cyprus cypriot | malta maltese | kurd kurdish
kurdistan | hungary magyar | wales welshman | guinea guinean | mali malian | niger nigerien | chad chadian
| emirates emirati uae | kuwait kuwaiti | bahrain bahraini | oman omani | azerbaijan azerbaijani azeri | georgia
georgian | kazakhstan kazakh | uzbekistan uzbek | tajikistan tajik | kyrgyzstan kyrgyz | turkmenistan turkmen | moldova
moldovan | montenegro montenegrin | macedonia macedonian | mongolia mongolian | laos lao laotian | lanka lankan |
tanzania tanzanian | malawi malawian | namibia namibian | madagascar malagasy | eritrea eritrean | guatemala guatemalan
| honduras honduran | nicaragua nicaraguan | salvador salvadoran | panama panamanian | greenland greenlandic
"""

# What lies in a nation: a text about Lisbon is about Portugal, but not the other way round.
_WITHIN = """
usa washington boston chicago houston dallas miami seattle denver atlanta california texas florida ohio virginia
nevada arizona michigan pennsylvania oregon colorado alabama louisiana minnesota wisconsin hollywood pentagon congress
republican manhattan brooklyn | uk london england scotland wales manchester birmingham liverpool leeds sheffield
bristol glasgow edinburgh cardiff belfast whitehall westminster | england london manchester birmingham liverpool leeds
sheffield bristol newcastle york oxford kent essex devon cornwall | scotland glasgow edinburgh aberdeen dundee | wales
cardiff swansea | france paris lyon marseille bordeaux nice toulouse lille strasbourg | germany berlin munich hamburg
frankfurt cologne dresden leipzig stuttgart bavaria | spain madrid barcelona seville valencia catalonia | italy rome
milan naples turin venice florence sicily tuscany | netherlands amsterdam rotterdam hague eindhoven utrecht leiden |
belgium brussels antwerp | switzerland geneva zurich bern davos | austria vienna salzburg | poland warsaw krakow
gdansk | denmark copenhagen | sweden stockholm | norway oslo bergen | finland helsinki | ireland dublin cork |
portugal lisbon porto | greece athens crete | turkey istanbul ankara | russia moscow petersburg kremlin siberia putin
| ukraine kyiv kiev kharkiv odesa odessa donbas donetsk crimea lviv zelensky | china beijing shanghai shenzhen
guangzhou wuhan tibet xinjiang | japan tokyo osaka kyoto okinawa hiroshima | korea seoul pyongyang busan | taiwan
taipei | india delhi mumbai kolkata chennai bengaluru kashmir punjab kerala gujarat | pakistan islamabad karachi
lahore balochistan quetta peshawar | bangladesh dhaka | afghanistan kabul kandahar | iran tehran isfahan | iraq
baghdad mosul basra | syria damascus aleppo | lebanon beirut hezbollah | israel jerusalem aviv haifa knesset |
palestine gaza rafah ramallah hamas | egypt cairo alexandria | saudi riyadh jeddah mecca | yemen sanaa houthi | qatar
doha | libya tripoli benghazi | tunisia tunis | algeria algiers | morocco rabat casablanca | sudan khartoum darfur |
ethiopia ababa tigray | somalia mogadishu | kenya nairobi mombasa | uganda kampala | rwanda kigali | congo kinshasa
goma | nigeria abuja lagos kano | ghana accra | senegal dakar | zimbabwe harare | canada ottawa toronto montreal
vancouver ontario quebec | mexico tijuana guadalajara | cuba havana | haiti | brazil brasilia rio paulo amazon |
argentina aires buenos | chile santiago | peru lima | colombia bogota medellin | venezuela caracas | australia
canberra sydney melbourne brisbane perth adelaide queensland victoria tasmania | zealand auckland wellington |
philippines manila | indonesia jakarta bali java | malaysia kuala | thailand bangkok | vietnam hanoi | myanmar yangon
| hungary budapest | romania bucharest | bulgaria sofia | serbia belgrade | croatia zagreb | czech prague | slovakia
bratislava | europe brussels britain france germany spain italy poland greece ukraine portugal | africa nigeria kenya
sudan congo ethiopia egypt | asia china india japan
"""

PLACES = frozenset(
    "london manchester birmingham liverpool leeds sheffield bristol glasgow edinburgh cardiff belfast swansea "
    "newcastle york oxford cambridge paris lyon marseille berlin munich hamburg frankfurt rome milan naples madrid "
    "barcelona lisbon vienna brussels amsterdam geneva zurich stockholm oslo copenhagen helsinki warsaw prague "
    "budapest athens istanbul ankara moscow kyiv odesa kharkiv minsk beijing shanghai shenzhen tokyo osaka seoul "
    "pyongyang taipei delhi mumbai kolkata chennai bengaluru karachi lahore islamabad dhaka kabul tehran isfahan "
    "baghdad damascus aleppo beirut jerusalem gaza rafah cairo riyadh jeddah dubai doha sanaa tripoli tunis algiers "
    "khartoum nairobi mombasa kampala kinshasa goma lagos abuja accra dakar johannesburg durban harare washington "
    "chicago boston houston dallas miami seattle denver atlanta california texas florida ohio georgia virginia "
    "nevada arizona toronto montreal vancouver ottawa mexico havana bogota caracas lima santiago sydney melbourne "
    "brisbane perth adelaide canberra auckland wellington manila jakarta bangkok hanoi singapore yangon queensland "
    "victoria kent essex surrey sussex devon cornwall norfolk suffolk yorkshire lancashire europe africa asia "
    "donbas crimea kashmir punjab".split()
)

_SPEAKING = "say tell warn announce add insist argue stress explain admit deny confirm accord"
_UNSURE = (
    "may might could allegedly alleged alleging reportedly suspected unconfirmed possibly apparently considering "
    "considers mulling mulls weighing proposed proposes proposing if rumoured rumored unclear uncertain preliminary "
    "potentially potential"
)
# What happened to somebody, and what somebody is: where the source has nothing like it, it was made up.
_TELLING = (
    "die kill murder injure shoot stab rape assault attack bomb crash collide explode drown burn collapse sink arrest "
    "charge convict jail sentence acquit clear release fine sue appeal ban suspend expel deport sack fire resign quit "
    "retire appoint elect nominate win lose beat draw sign join transfer loan score qualify eliminate relegate promote "
    "defend break cancel postpone close reopen demolish launch open recall withdraw approve reject veto overturn vote "
    "strike protest riot march evacuate flee invade capture surrender rescue miss disappear kidnap discover develop "
    "invent cure infect quarantine marry divorce pregnant birth buy sell merge acquire bankrupt profit record hack "
    "steal leak fake ambush poison hospital hospitalise surgery cancer rise fall double halve cut increase triple "
    "apologise confess deny admit accuse blame abandon scrap delay captain striker goalkeeper midfielder defender "
    "bowler batsman coach manager chairman president minister secretary mayor governor senator mp pope king queen "
    "prince princess duke actor actress singer author teacher doctor nurse pilot driver soldier officer student "
    "pensioner toddler baby teenager girl boy woman man father mother son daughter brother sister husband wife "
    "youngest oldest eldest biggest first last former acting deputy unanimously landslide emergency state cancelled"
)
# What one does to another, so that it matters who is named first.
_TRANSITIVE = (
    "beat defeat kill attack accuse sue buy acquire criticise criticize condemn praise support back arrest shoot "
    "strike bomb invade succeed replace overtake thrash edge fine sack fire hire appoint reject warn threaten sanction "
    "blame deny help save rescue injure hit stab murder marry divorce defend endorse oppose meet host visit call urge "
    "ask tell pay give lead"
)
_HEDGED = (
    "consider weigh mull propose rumour rumor suspect possible plan may might could if whether would should report "
    "reported suspicion likely probably claim claimed expect expected intend hope seek appear seem believe believed "
    "think thought fear feared estimate suggest accuse allege attempt try want bid predict forecast set due demand "
    "call urge ask tell say said says warn accused charge charged face offer aim risk"
)
_ASSERTED = "confirm prove definitely certainly undoubtedly officially"
_NEGATING = "not no never none nobody neither nor cannot without hardly barely nothing nowhere rarely"
# Verbs that turn what follows them into its opposite.
_DENYING = "fail refuse deny reject decline rule avoid unable prevent stop abandon cancel block unlikely"

# The more of all news a word is in, the less it tells: stems by how many of the archive's articles hold them.
_COMMON = (
    "say tell add year people time new day two one first make take like get go come use also last week month say's see "
    "way thing want know good back now still even just well would could may might can will must should since around "
    "among"
    " per via amid lot include while however according part start end set call follow near",
    "world minister government country president report time post open lead face group plan former power offic "
    "official meet show final home move claim key long place become look work remain high issue continue public member "
    "leader police man woman child city top news chief national state hold number say live old force help need support "
    "expect run give leave find found keep bring turn play big second third more most hit win lose team game company "
    "party case court local area house family life late early next change rise cut deal talk attack kill die death "
    "threat warn",
)


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """The one form of a word: irregular forms first, then the stem that the search uses. "" if there is nothing in it.

    Function words, which the search drops, keep their lower-case form.
    """
    folded = word.casefold().replace("\u2019", "'").removesuffix("'s").strip("'")
    folded = _BASES.get(folded, folded)
    found = terms(folded)
    return found[0] if len(found) == 1 else folded


def is_irregular(word: str) -> bool:
    """Whether it is a form of another word that no rule makes ("went")."""
    return word.lower() in _BASES


def _table(text: str) -> list[list[str]]:
    return [group.split() for group in text.split("|")]


_BASES: dict[str, str] = {}
_BASES |= {form: forms[0] for forms in _table(_IRREGULAR) for form in forms[1:]}

NEAR: dict[str, frozenset[str]] = {}
"""For a stem, the stems of near meaning."""
for _group in _table(_NEAR):
    _stems = [stem(word) for word in _group]
    for _one in _stems:
        NEAR[_one] = NEAR.get(_one, frozenset()) | (set(_stems) - {_one})

OPPOSITE: dict[str, frozenset[str]] = {}
"""For a stem, the stems that say the reverse."""
for _pair in _OPPOSITE.split("|"):
    _left, _right = ([stem(word) for word in side.split()] for side in _pair.split("/"))
    for _ones, _rest in ((_left, _right), (_right, _left)):
        for _one in _ones:
            OPPOSITE[_one] = OPPOSITE.get(_one, frozenset()) | (set(_rest) - {_one})

for _one, _others in OPPOSITE.items():  # "beat" is near to "lose" only with the two sides exchanged
    NEAR[_one] = NEAR.get(_one, frozenset()) - _others

NATION: dict[str, str] = {}
"""For the stem of a nation's or a people's name, the nation."""
for _group in _table(_NATIONS):
    for _word in _group:
        NATION.setdefault(stem(_word), f"@{_group[0]}")

WITHIN: dict[str, frozenset[str]] = {}
"""For the stem of a place, the nations in which it lies."""
for _group in _table(_WITHIN):
    for _word in _group[1:]:
        WITHIN[stem(_word)] = WITHIN.get(stem(_word), frozenset()) | {NATION[stem(_group[0])]}

COMMON: dict[str, float] = {}
"""How much less than another word a common one tells: its weight, for a stem."""
for _weight, _words in zip((0.3, 0.6), _COMMON, strict=True):
    for _word in _words.split():
        COMMON.setdefault(stem(_word), _weight)

UNSURE = frozenset(_UNSURE.split())
"""What makes a statement unsure, as it is written."""
SPEAKING, HEDGED, ASSERTED, NEGATING, DENYING, TRANSITIVE, TELLING = (
    frozenset(stem(word) for word in words.split())
    for words in (_SPEAKING, _HEDGED, _ASSERTED, _NEGATING, _DENYING, _TRANSITIVE, _TELLING)
)
"""Verbs of saying; what may make a statement unsure in another wording; what makes it sure; what negates; verbs that
turn what follows them into its opposite; what one does to another; what happened and who somebody is."""
