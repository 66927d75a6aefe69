"""The words of fine-tuning: each explained once, and linked where it appears first on a page."""

import re
from urllib.parse import quote

import streamlit as st

WORDS = {
    "accuracy": "The share of pictures that the model is right on.",
    "augmentation": "Random changes of the training pictures (turning, zooming, brightness), so that the model does not learn them by heart.",
    "backbone": "The pretrained network without its last layers: it turns a picture into features. Here MobileNetV2.",
    "batch": "The pictures that one step of training looks at together.",
    "BatchNorm": "A layer that brings its input to a mean of 0 and a spread of 1: with the batch's own figures while it learns, with running averages afterwards.",
    "CKA": "How alike two layers see the same pictures: 100% is the same picture of them but for turning and scaling, 0 has nothing in common.",
    "dropout": "Leaves units out at random while training, so that no single one can carry the answer.",
    "EarlyStopping": "Ends training when validation has not improved for some epochs, and goes back to the best weights.",
    "epoch": "One pass through all training pictures.",
    "features": "The numbers that the backbone makes of a picture: edges, textures, parts.",
    "fine-tuning": "Going on with the training of a pretrained network on pictures of one's own.",
    "Flatten": "Keeps every feature of every place of a picture, in one long row.",
    "freezing": "Keeping layers as they are: they pass pictures on and learn nothing. A frozen layer can be thawed again.",
    "GlobalAveragePooling": "Averages each feature over all places of a picture: what is there, not where.",
    "head": "The layers on the backbone that turn features into probabilities of the classes.",
    "learning rate": "How large the steps are by which weights change.",
    "linear probe": "A linear classifier on what one block makes of the pictures: how much of the classes can be read there.",
    "loss": "How wrong the model's probabilities are; 0 where it is certain and right. Unlike accuracy it punishes being sure of a mistake.",
    "overfitting": "Right on the training pictures, worse on new ones: the model has learnt the examples rather than the rule.",
    "pretrained": "Trained before, on many other pictures.",
    "seed": "The number that random choices begin with; another seed gives another split, other first weights and batches.",
    "silhouette": "How much nearer a picture lies to its own class than to the next one: 1 apart, 0 touching, −1 mixed up.",
    "thawing": "Letting frozen layers learn again.",
    "underfitting": "Wrong even on the training pictures: the model is too simple, held back, or stopped too soon.",
    "validation": "Pictures that are kept out of training, to see how the model does on new ones.",
    "Wilson interval": "Between what an accuracy may well lie, given how many pictures it was counted on.",
}
FORMS = {"frozen": "freezing", "freeze": "freezing", "thawed": "thawing", "thaw": "thawing", "epochs": "epoch", "linear classifier": "linear probe", "overfit": "overfitting", "overfits": "overfitting", "underfit": "underfitting", "underfits": "underfitting", "batches": "batch", "learning rates": "learning rate", "seeds": "seed"}  # fmt: skip
_KNOWN = {word.lower(): word for word in WORDS} | FORMS
_PATTERN = re.compile(rf"(?<![\w\[/`-])({'|'.join(sorted(map(re.escape, _KNOWN), key=len, reverse=True))})(?![\w\]`-])", re.IGNORECASE)  # fmt: skip
SEEN = "glossary_seen"


def begin_page() -> None:
    """Forget which words the page before has linked."""
    st.session_state[SEEN] = {}


def linked(text: str) -> str:
    """Return Markdown in which each word of the glossary is a link where the page shows it first.

    A text that is drawn again, by a fragment, keeps its links.
    """
    seen = st.session_state.setdefault(SEEN, {})

    def link(found: re.Match[str]) -> str:
        word = _KNOWN[found[0].lower()]
        if seen.setdefault(word, text) != text or word in here:
            return found[0]
        here.add(word)
        return f'[{found[0]}](learn?word={quote(word)} "{WORDS[word]}")'

    here: set[str] = set()
    return _PATTERN.sub(link, text)


def draw(chosen: str | None) -> None:
    """Draw all words; the one that a link names stands out."""
    st.subheader("Words", anchor="words")
    if chosen in WORDS:
        st.info(f"**{chosen}**: {WORDS[chosen]}", icon=":material/menu_book:")
    with st.expander("All words", expanded=chosen in WORDS):
        st.markdown("\n".join(f"- **{word}**: {text}" for word, text in sorted(WORDS.items(), key=lambda w: w[0].lower())))  # fmt: skip
