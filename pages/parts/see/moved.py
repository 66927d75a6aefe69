"""What moved, layer by layer: weights, likeness of features, and what a linear probe reaches."""

import streamlit as st

from core import figures
from core.insight import similarity
from core.network.layers import layer_table
from core.words import counted, signed
from pages.parts import glossary
from pages.parts.see.ask import ask
from pages.parts.see.choice import Chosen


@st.fragment
def draw(pair: Chosen) -> None:
    """Show what moved from one run to the other, or from the pretrained network to a run alone."""
    if pair.before and not (pair.same_pictures and pair.same_shape):
        st.info("The two runs have different pictures or networks, so their layers cannot be compared one by one. Choose “no other run” to see what moved since the pretrained weights.", icon=":material/info:")  # fmt: skip
        return
    found = ask(similarity.changes, pair.ids, doing="Comparing the layers …")
    if found is None:
        return
    table = layer_table(pair.after.experiment.backbone)
    start = "the run before" if pair.before else "the pretrained network"
    st.markdown(f"#### {_sentence(found, start)}")
    st.markdown(f"**How far the weights went** :gray[since {start}; ice blue did not move]")
    st.plotly_chart(figures.weight_moves(table, found.weights), key="moved_weights", config={"displayModeBar": False}, alt="Relative change of each layer's weights")  # fmt: skip
    left, right = st.columns(2)
    blocks = list(found.before)
    with left:
        st.markdown("**What a linear probe on each block reaches**")
        lines = {"before": list(found.before.values()), "after": list(found.after.values())}
        st.plotly_chart(figures.over_depth(blocks, lines, "validation accuracy"), key="moved_probes", config={"displayModeBar": False}, alt="Probe accuracy over depth, before and after")  # fmt: skip
        st.caption(glossary.linked(f"A linear classifier on each block's features, judged on {found.n_validation} validation pictures. Where the line stops rising, later layers add nothing for these pictures: that is where thawing may pay."))  # fmt: skip
    with right:
        st.markdown("**How alike the features still are**")
        alike = {"likeness": list(found.likeness.values())}
        st.plotly_chart(figures.over_depth(blocks, alike, "likeness (CKA)", whole=True), key="moved_cka", config={"displayModeBar": False}, alt="Likeness of features over depth")  # fmt: skip
        st.caption(
            glossary.linked(
                "Debiased linear CKA: 100% is the same picture of the pictures (but for turning and scaling), 0 has nothing in common."
            )
        )


def _sentence(found: similarity.Changes, start: str) -> str:
    """Say what moved most and what it brought to the features."""
    most = max(found.weights, key=found.weights.__getitem__)
    if not found.weights[most]:
        return f"No layer of the backbone moved since {start}: the runs differ in the head alone."
    moved = sum(share > 0 for share in found.weights.values())
    last = list(found.before)[-1]
    probe = 100 * (found.after[last] - found.before[last])
    change = f"{signed(probe)} points" if round(probe) else "as before"
    return f"{counted(moved, 'layer')} moved, most of all {most} ({found.weights[most]:.1%} of its size); a probe on the last block reaches {found.after[last]:.0%}: {change}."
