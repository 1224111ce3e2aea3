"""Text that speaks to a language model instead of to a reader: found, so that it can be shown. Pure.

Whoever writes a feed can write "ignore your instructions" into it, where no reader looks but every model reads. Such
text stays what it is, data between fences; this only tells a reader that it is there. So precision counts before all
else: an article *about* such attacks is no attack, and a badge on an honest headline teaches to overlook badges. What
is found is an order to forget or to reveal instructions, a change of role, a line that pretends to be another's
message, and the marks that chat templates are made of. Ten languages; a word alone never counts.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 20_000
"""Characters of a text that are read."""

_GAP = r"[\s,.:;'\"“”*_-]{1,4}"
_ALL = (
    rf"(?:(?:all|any|every|everything|of|the|these|those|your|my|our|previous|prior|above|earlier|"
    rf"preceding|former|original|initial|existing|current|other|system|safety){_GAP}){{0,6}}"
)
_RULES = (
    r"(?:instructions?|prompts?|directives?|guidelines?|system message|rules (?:you|above|before)|"
    r"programming|context above)"
)
_FORGET = (
    r"(?:ignore|disregard|forget|override|bypass|discard|do not (?:follow|obey)|don['’]t "
    r"(?:follow|obey))"
)
_WHOSE = r"(?:previous|prior|above|earlier|preceding|former|original|initial|existing|system|your|all|any)"

_PATTERNS = (
    # An order to forget what the model was told, which must say whose instructions those are.
    rf"\b{_FORGET}{_GAP}(?=(?:\S+{_GAP}){{0,4}}?{_WHOSE}\b){_ALL}{_RULES}",
    (
        rf"\b{_FORGET}{_GAP}(?:everything|all|anything)(?: that)? (?:(?:was |is )?(?:above|before "
        rf"this)|you (?:were|have been) told)\b"
    ),
    (
        r"\b(?:ignorez|oubliez|ignore|oublie) (?:toutes? |tous )?(?:les |vos |tes |ces "
        r")?(?:instructions|consignes|directives)(?: \w+){0,2} ?(?:précédentes|ci-dessus|antérieures|"
        r"système)"
    ),
    (
        r"\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*) (?:sie )?(?:bitte )?(?:alle |sämtliche "
        r")?(?:deine |ihre |die |diese )?(?:\w+en )?(?:anweisungen|instruktionen|"
        r"vorgaben)\b(?=.{0,40}\b(?:und|oben|statt)|[.!:\n]|$)"
    ),
    (
        r"\b(?:ignora|ignore|olvida|olvide|desatienda) (?:todas? )?(?:las |tus |sus |estas "
        r")?(?:instrucciones|indicaciones)(?: \w+)? (?:anteriores|previas|del sistema)"
    ),
    (
        r"\b(?:ignore|esqueça|desconsidere) (?:todas )?(?:as |suas |estas )?instruções (?:anteriores|"
        r"acima|prévias|do sistema)"
    ),
    (
        r"\b(?:ignora|dimentica) (?:tutte )?(?:le |tue |queste )?(?:istruzioni|indicazioni) "
        r"(?:precedenti|di cui sopra|del sistema)"
    ),
    (
        r"\b(?:игнорируй\w*|забудь\w*|не обращай\w* внимания на) (?:все )?(?:предыдущие |прежние |"
        r"свои |системные |указанные выше ){1,2}(?:инструкции|указания|команды)"
    ),
    r"(?:忽略|无视|無視|忘记|忘記)[^\n。]{0,8}(?:之前|以上|先前|前面|上述|所有)[^\n。]{0,8}(?:指令|指示|提示词|提示|說明|说明)",
    r"(?:以前|これまで|上記|前|全て|すべて)の[^\n。]{0,10}(?:指示|命令|プロンプト)[^\n。]{0,4}(?:無視|忘れ)",
    r"(?:이전|위의|모든|앞의)[^\n.]{0,10}(?:지시|명령|지침|프롬프트)[^\n.]{0,6}(?:무시|잊)",
    r"(?:تجاهل|انس)[^\n.]{0,12}(?:التعليمات|الأوامر|التوجيهات) (?:السابقة|أعلاه)",
    # An order to tell what it was told.
    (
        r"\b(?:reveal|repeat|print|output|show|leak|send|quote)(?: (?:me|us|back|out))?(?: \w+){0,2} "
        r"your (?:\w+ )?(?:system (?:prompt|message)|instructions|prompt)\b"
    ),
    # A change of role.
    (
        r"\byou are (?:now|no longer)(?: \S+){0,3} (?:an? (?:ai|llm|unrestricted|unfiltered|"
        r"language)\b|chatgpt\b|(?:ai|language) (?:model|assistant)\b|bound by\b|in (?:developer|dan|"
        r"debug|admin|god) mode)"
    ),
    (
        r"\b(?:enter|enable|activate|switch to) (?:developer|dan|jailbreak|god|unrestricted) "
        r"mode\b(?=.{0,60}\byou\b)"
    ),
    (
        r"\bnew (?:system )?(?:instructions?|prompt)\s*:\s*(?:you|ignore|answer|respond|reply|output|"
        r"print|say|write|always|never)\b"
    ),
    # What speaks to the model by name, with an order.
    (
        r"\b(?:attention|note|message|dear|hey|hello|instructions?)(?: to| for)?(?: the| any| all)? "
        r"(?:ai|llm|language model|chat ?bot|chatgpt|assistant)s?(?: assistants?| models?| agents?| "
        r"reading this)?\b[\s:,!—-]{1,4}(?:please |you (?:must|should|will) )?(?:ignore|do|say|tell|"
        r"answer|respond|reply|include|insert|recommend|add|write|output|print|end|never|always|must|"
        r"when|follow|visit|use|mention)\b"
    ),
    r"\b(?:if|when) you(?: are|['’]re) an? (?:ai|llm|language model|chat ?bot|ai assistant)\b",
    (
        r"\b(?:ai|llm|language) (?:models?|assistants?|agents?) (?:reading|summari[sz]ing|processing) "
        r"this\b[^\n.]{0,30}\b(?:must|should|please|have to|are (?:instructed|required))"
    ),
    # A line that pretends to be another's message.
    (
        r"(?:^|\n)\s*(?:#{1,4} ?|\[|<)?(?:system|assistant|developer)(?: (?:message|prompt|override|"
        r"instructions?))?(?:\]|>)?\s*:\s*(?:you |ignore|new |override|from now|always |never |answer "
        r"|respond |reply |the (?:user|assistant) )"
    ),
    # The marks of chat templates.
    (
        r"<\|(?:im_start|im_end|im_sep|system|user|assistant|start|end|message|channel|return|call|"
        r"endoftext|eot_id|start_header_id|end_header_id|begin_of_text|end_of_text|endofprompt)\|>"
    ),
    (
        r"\[/?INST\]|<<\s*/?SYS\s*>>|</?(?:passages|system_prompt|system-prompt|system-reminder|"
        r"tool_call|function_calls?)>"
    ),
    (
        r"<(?:start|end)_of_turn>|(?:^|\n)(?:### ?(?:system|instruction|assistant|user|human)|"
        r"(?:Human|Assistant|User): .*\n+(?:Assistant|Human): )"
    ),
)
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e0fff]")
_ADDRESSED = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)
# Of these one is in whatever the patterns find; most texts are done with this quick look.
_LIKELY = tuple(
    (
        "instru|istruz|prompt|directive|guideline|programming|consigne|anweisung|vorgabe|indicaci|"
        "indicazion|указани|команд|инструкц|指令|指示|提示|說明|说明|命令|プロンプト|지시|명령|지침|프롬|تعليم|أوامر|توجيه|"
        "you are|you were told|have been told|you're|you’re| mode|rules you|rules above|"
        "rules before|context above|system|above|before this| ai |ai:|ai,|ai model|ai assist|"
        "ai agent|llm|language model|chatbot|chat bot|chatgpt|assistant|developer|<|[|###|human:"
    ).split("|")
)


def addressed(*texts: str) -> str:
    """The first words that speak to a model, in any of the texts; "" if none do.

    Hidden and wide characters are read as what they stand for. Time grows with the length of the texts.
    """
    for text in texts:
        plain = text[:LONGEST]
        if not plain.isascii():
            plain = _HIDDEN.sub("", unicodedata.normalize("NFKC", plain))
        low = plain.lower()
        if any(word in low for word in _LIKELY) and (found := _ADDRESSED.search(plain)):
            return " ".join(found[0].split())
    return ""
