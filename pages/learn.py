"""Learn: why?"""

from dataclasses import dataclass

import streamlit as st

from core import figures
from core.diagnosis import FAMILIES, RULES, rule_page
from core.experiment import AugmentationSpec, BackboneSpec, Experiment, FreezeSpec, HeadSpec, opening
from core.network.head import head_parameters
from core.network.layers import layer_table
from core.studies import lessons
from core.training import costs
from pages.parts import glossary, links, nav, state
from pages.parts.run import legend

nav.require_router()


@dataclass(frozen=True)
class Concept:
    """An idea, and a change of the experiment that shows it."""

    title: str
    icon: str
    text: str
    button: str
    changes: dict


def _training(**changes: object) -> dict:
    return {"training": changes}


CONCEPTS = (
    Concept(
        "Freezing and thawing",
        ":material/ac_unit:",
        "A pretrained network turns a picture into features: edges first, then textures, then parts. **Frozen** layers keep what they "
        "know; **thawed** ones go on learning. The first layers are useful for nearly all pictures, the last ones are the most specific, "
        "so one thaws from the end. The fewer the images, the fewer layers should be thawed.",
        "Thaw the last 38 layers",
        {"freeze": FreezeSpec.last(38)},
    ),
    Concept(
        "The head",
        ":material/account_tree:",
        "The head turns features into class probabilities. **Flatten** keeps a number for each position and needs a weight for each of "
        "them; **GlobalAveragePooling** asks only *whether* something is there, not where, with a fraction of the weights. **Dropout** "
        "leaves units out at random, so that no single feature can carry the answer.",
        "Try a single dense layer on Flatten",
        {"head": HeadSpec.flatten()},
    ),
    Concept(
        "Two training curves",
        ":material/show_chart:",
        "The training loss that Keras prints is measured *with* dropout and augmentation, while the weights still move. So validation can "
        "look better than training in a healthy run. The **clean** training curve measures the same images as the validation curve is "
        "measured: no dropout, no augmentation, after the epoch. The **generalisation gap** is the distance between these two.",
        "Add strong augmentation and compare",
        {"augmentation": AugmentationSpec.preset("strong")},
    ),
    Concept(
        "Underfitting and overfitting",
        ":material/balance:",
        "**Underfitting**: wrong even on the training images; the model is too simple, held back too much, or stopped too soon. "
        "**Overfitting**: right on the training images, worse on new ones; the model has learnt the examples rather than the rule. "
        "The sign to trust is a validation loss that *rises* after its minimum while the training loss goes on falling.",
        "Overfit on purpose: everything thawed, 60 epochs, no dropout",
        {"freeze": FreezeSpec.last(154), "head": HeadSpec(layers=()), **_training(epochs=60)},
    ),
    Concept(
        "EarlyStopping",
        ":material/stop_circle:",
        "Stop when the validation loss has not improved for some epochs (the *patience*), and go back to the weights of the best epoch. "
        "It costs nothing and is the first thing to try against training for too long.",
        "60 epochs with EarlyStopping",
        _training(epochs=60, early_stopping={"patience": 3}),
    ),
    Concept(
        "BatchNormalization",
        ":material/tune:",
        "A BatchNorm layer brings its input to a mean of 0 and a spread of 1. While it is **thawed** it uses each batch's own mean; in "
        "validation it uses a running average, which in a brief run lags far behind. Then training and validation see two different "
        "networks, and the curves look like overfitting when there is none. **Keep BatchNorm frozen** when you fine-tune.",
        "Thaw BatchNorm too, and see",
        {"freeze": FreezeSpec.last(38, lock_batchnorm=False)},
    ),
    Concept(
        "The frozen frontier",
        ":material/bolt:",
        "All layers before the first thawed one give the same output for the same image, in every epoch. So Thaw computes them **once**, "
        "keeps the result, and trains only the rest: the same curves in a fraction of the time. Freeze more and a run gets faster.",
        "Freeze everything and feel the speed",
        {"freeze": FreezeSpec()},
    ),
    Concept(
        "How sure can one be?",
        ":material/straighten:",
        "With 40 validation images, 80% means *somewhere between 65% and 90%*. The shaded band around a validation accuracy is the 95% "
        "Wilson interval. Two runs whose bands overlap much may be equally good: use more validation images, or several seeds.",
        "Another seed for the same experiment",
        _training(seed=1),
    ),
)
TITLES = {
    "underfitting": "Underfitting",
    "overfitting": "Overfitting",
    "optimisation": "Optimisation",
    "data": "Data",
    "mismatch": "Pictures that differ from training",
    "healthy": "Healthy",
}


def _network(freeze: FreezeSpec, caption: str) -> None:
    st.image(
        figures.network_picture(layer_table(BackboneSpec()), freeze),
        width="stretch",
        caption=caption,
        alt=caption or "The layers of MobileNetV2 as bars, frozen and thawed",
    )


def _curves(name: str, metric: str) -> None:
    st.plotly_chart(_drawn(name, metric), key=f"learn_{name}_{metric}", config={"displayModeBar": False})


@st.cache_resource(show_spinner=False)
def _drawn(name: str, metric: str):
    return figures.curves(lessons.curves()[name], metric, height=170).update_layout(showlegend=False)


def _heads() -> None:
    sizes = {"Flatten": HeadSpec.flatten(), "GlobalAveragePooling": HeadSpec(layers=())}
    weights = {name: head_parameters(head, 1280, 3 * 3, 4) for name, head in sizes.items()}
    st.plotly_chart(figures.bars(weights, "weights"), key="learn_heads", config={"displayModeBar": False})
    st.caption("A softmax over 4 classes on MobileNetV2 at 96 pixels.")


def _two(first: str, second: str, metric: str) -> None:
    for column, name in zip(st.columns(2), (first, second), strict=True):
        with column:
            _curves(name, metric)
            st.caption(name.capitalize())


def _frontier() -> None:
    cost = costs.estimate(opening().replace(freeze=FreezeSpec()), 840, 280)
    seconds = {"every epoch anew": cost.plain, "once, then known": cost.again}
    st.plotly_chart(figures.bars(seconds, "s"), key="learn_frontier", config={"displayModeBar": False})
    st.caption("Ten epochs on the pictures that the Lab opens with, estimated from this machine's measured speed.")


PICTURES = {
    "Freezing and thawing": lambda: _network(
        FreezeSpec.last(38), "Ice blue: frozen; amber: the last 38 layers, thawed."
    ),
    "The head": _heads,
    "Two training curves": lambda: _curves("two training curves", "accuracy"),
    "Underfitting and overfitting": lambda: _two("underfitting", "overfitting", "accuracy"),
    "EarlyStopping": lambda: _curves("early stopping", "loss"),
    "BatchNormalization": lambda: _curves("batchnorm", "accuracy"),
    "The frozen frontier": _frontier,
    "How sure can one be?": lambda: st.plotly_chart(
        figures.certainty(), key="learn_certainty", config={"displayModeBar": False}
    ),
}


def _changed(x: Experiment, changes: dict) -> Experiment:
    parts = {k: getattr(x, k).replace(**v) if isinstance(v, dict) else v for k, v in changes.items()}
    return x.replace(**parts)


def _try(concept: Concept) -> None:
    state.replace(_changed(state.experiment(), concept.changes))
    st.session_state.go = "lab"


def _concept(concept: Concept) -> None:
    with st.container(border=True, height="stretch"):
        st.markdown(f"#### {concept.icon} {concept.title}")
        st.markdown(glossary.linked(concept.text))
        PICTURES[concept.title]()
        st.button(
            concept.button,
            key=f"learn_{concept.title}",
            icon=":material/science:",
            on_click=_try,
            args=(concept,),
            help="Changes the experiment and opens the Lab; press Train there, and Undo to go back",
        )


def _asked(code: str) -> None:
    """Draw the page of the rule that a link names, before all else: whoever followed it asked for that."""
    with st.container(border=True, key="asked_rule"):
        st.markdown(rule_page(code))
        st.caption(f"Link to this page: `{nav.link('learn', rule=code)}`")


def _rules() -> None:
    """Draw the rules by family."""
    st.subheader("Everything the diagnosis looks for", anchor="rules")
    st.caption("Each pattern with what it looks like, why it happens, the evidence, and what to try.")
    for family in FAMILIES:
        name = family.__name__.rpartition(".")[2]
        rules = [r for r in RULES.values() if r.check.__module__ == family.__name__]
        title = f"{TITLES.get(name, name.capitalize())} · {len(rules)} pattern{'s' if len(rules) > 1 else ''}"
        with st.expander(title):
            chosen = st.pills(
                "Pattern",
                [r.code for r in rules],
                format_func=lambda c: RULES[c].title,
                key=f"rules_{name}",
                label_visibility="collapsed",
                help="Opens the page of a pattern",
            )
            if chosen:
                st.markdown(rule_page(chosen))
                st.caption(f"Link to this page: `{nav.link('learn', rule=chosen)}`")


if page := st.session_state.pop("go", None):
    st.switch_page(nav.path(page))
st.title("Learn")
if (asked := st.query_params.get("rule")) in RULES:
    _asked(asked)
links.missing("pattern", [asked], RULES, "All that Thaw knows stand at the end of this page.")
links.missing("word", [st.query_params.get("word")], glossary.WORDS, "All words stand below the ideas.")
st.caption("The ideas behind fine-tuning, each with an experiment to run beside it.")
for begin in range(0, len(CONCEPTS), 2):
    for place, item in zip(st.columns(2), CONCEPTS[begin : begin + 2], strict=False):
        with place:
            _concept(item)
legend.of_curves()
st.caption("The curves are those of real runs of the demonstrations.")
glossary.draw(st.query_params.get("word"))
_rules()
