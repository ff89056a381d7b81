"""What kind of thing was said: a question, a statement to be remembered, small talk, or a question about the
conversation itself. By rules: a mistake costs a search or an acknowledgement, and the model would make more.
"""

import re

from secretariat.agents.conversation.core import TurnKind

_SMALL_TALK = re.compile(
    r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening|day|night)|thanks?|thank you|thx|cheers|many thanks"
    r"|great|perfect|nice|cool|ok|okay|alright|all right|got it|i see|understood|bye|goodbye|see you|welcome"
    r"|you'?re welcome|no problem|never ?mind|that(?:'s| is) all|well done|yes|no|sure|hallo|danke|guten tag"
    r"|tschüss|hola|gracias|adiós|bonjour|merci|au revoir|very much|so much|a lot|again|for (?:that|your help)"
    r"|then|there|everyone|you|and|it|indeed)[\s,.!…:)🙂👍]*)+",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\?|^(?:and |but |so |also |please |ok(?:ay)?,? )*(?:who|whom|whose|what|when|where|which|why|how|is|are|was"
    r"|were|do|does|did|can|could|may|might|must|should|shall|will|would|has|have|had|am|tell|show|list|find|give|explain"
    r"|describe|compare|summari[sz]e|name|look up|search|define|check|calculate|write|draft|translate|wer|was|wann"
    r"|wo|welche[rsn]?|warum|wie|qué|quién|cuándo|dónde|cuál|cómo)\b",
    re.IGNORECASE,
)
_TELLS = re.compile(
    r"\b(?:i|we|my|our|me|us)\b|\b(?:is|are|was|were|has|have|had|will|'s|'re|'m|needs?|means|must|starts?|ends?"
    r"|belongs?|costs?|lives?|works?|likes?|prefers?|moved|changed|became|went|got|called|agreed|decided|remember"
    r"|note|keep in mind)\b|[:=]|\.$",
    re.IGNORECASE,
)
_ASKED_TO_REMEMBER = re.compile(r"^(?:please )?(?:remember|note|keep in mind|don'?t forget)\b", re.IGNORECASE)
_ABOUT_CONVERSATION = re.compile(
    r"\b(?:summari[sz]e|recap|sum up|summary of)\b.*\b(?:conversation|chat|we (?:have )?(?:discussed|talked|said)"
    r"|so far|above)\b|\bwhat (?:have|did) (?:we|i) (?:talk|discuss|say|said|talked|discussed|tell|told|ask|asked)"
    r"(?:ed)?(?: you)?(?: about)?(?: so far| until now| before| earlier)?\s*\??$",
    re.IGNORECASE,
)
_OPENINGS = re.compile(r"^(?:thanks|thank you|hi|hello|hey|great|ok|okay)[\s,.!]+", re.IGNORECASE)

_REPLIES = (
    (re.compile(r"thank|thx|cheers|danke|gracias|merci", re.IGNORECASE), "You're welcome."),
    (re.compile(r"bye|see you|adiós|tschüss|au revoir|night", re.IGNORECASE), "Goodbye."),
    (
        re.compile(r"\b(?:hi|hello|hey|good|hallo|hola|bonjour|guten)\b", re.IGNORECASE),
        "Hello. Ask me about your documents.",
    ),
)
_OTHERWISE = "All right."
NOTED = "Noted. I'll use that in this conversation."


def kind_of(text: str) -> TurnKind:
    """Never a question about documents for what needs no search."""
    plain = " ".join(text.split())
    if _SMALL_TALK.fullmatch(plain):
        return "small_talk"
    plain = _OPENINGS.sub("", plain)
    if _ABOUT_CONVERSATION.search(plain):
        return "about_conversation"
    if _ASKED_TO_REMEMBER.match(plain):
        return "telling"
    if asks(plain) or not _TELLS.search(plain):
        return "question"
    return "telling"


def asks(text: str) -> bool:
    """Whether any sentence of it asks."""
    return any(_ASKS.search(sentence) for sentence in re.split(r"(?<=[.!?])\s+", text.strip()))


def reply(text: str) -> str:
    """What small talk is answered with."""
    return next((said for pattern, said in _REPLIES if pattern.search(text)), _OTHERWISE)
