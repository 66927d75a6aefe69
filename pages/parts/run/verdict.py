"""The verdict in plain words: what it is, where the curves show it, why it happens, what to try."""

import streamlit as st

from core.diagnosis import RULES, Diagnosis, Finding, Mark, rule_page
from core.diagnosis.remedies import BY_HAND, REMEDIES, to_try, worth_trying
from core.diagnosis.report import unsaid
from core.runs import Run
from core.words import plain
from pages.parts import glossary, nav, services, state
from pages.parts.run import details

BADGES = {
    "good_fit": ("green", ":material/check_circle:"),
    "underfitting": ("blue", ":material/trending_flat:"),
    "overfitting": ("orange", ":material/trending_up:"),
    "still_improving": ("violet", ":material/trending_down:"),
    "unstable": ("red", ":material/warning:"),
    "inconclusive": ("gray", ":material/help:"),
}
SIGNS = {  # told apart without colour, too
    "good_fit": "✓",
    "underfitting": "▼",
    "overfitting": "▲",
    "still_improving": "↘",
    "unstable": "!",
    "inconclusive": "?",
}
PICTURED = {"wrong-labels", "class-never-predicted", "imbalance"}  # findings that pictures or counts show, not curves
IN_THE_DATA = {"duplicates", "shortcut", "uncovered-shift", "low-resolution", "uninformative-input"}


def draw(diagnosis: Diagnosis, run: Run | None = None, *, key: str = "verdict", actions: bool = True) -> None:
    """Show a verdict.

    Parameters
    ----------
    diagnosis
        What was found.
    run
        The run it is about; None for curves made elsewhere.
    key
        Prefix of widget keys.
    actions
        Whether remedies can be applied and details lie below.
    """
    colour, icon = BADGES[diagnosis.verdict]
    with st.container(border=True, key=f"{key}_verdict"):
        st.markdown(f"### :{colour}[{icon} {diagnosis.title}] :gray[· {diagnosis.sureness}]")
        explain(diagnosis, run, key=key, actions=actions)


def explain(diagnosis: Diagnosis, run: Run | None = None, *, key: str = "verdict", actions: bool = True) -> None:
    """Show why a verdict is what it is and what to try, below wherever the verdict itself stands; arguments as for :func:`draw`."""
    st.markdown(glossary.linked(plain(diagnosis.summary)))
    if run is not None and run.message:
        st.caption(run.message)
    if diagnosis.findings:
        _reasons(diagnosis, run, key, actions)
    causes = [f for f in diagnosis.findings if f.remedies]
    if actions and causes and run is not None:
        _remedies(causes, run, key)


def pointed(diagnosis: Diagnosis | None, key: str) -> tuple[Mark, ...]:
    """Return the marks of the finding that the person asked to be shown."""
    code = st.session_state.get(f"{key}_where")
    found = next((f for f in diagnosis.findings if f.code == code), None) if diagnosis else None
    return _marks(found, diagnosis) if found and diagnosis else ()


def _marks(finding: Finding, diagnosis: Diagnosis) -> tuple[Mark, ...]:
    """Return a finding's own marks, or those of the verdict that it explains."""
    explains = finding.code in RULES and RULES[finding.code].verdicts
    drawn = (
        tuple(m for m in diagnosis.marks if m.kind != "epoch") if explains else ()
    )  # the best epoch is marked anyway
    return finding.marks or drawn


def _reasons(diagnosis: Diagnosis, run: Run | None, key: str, actions: bool) -> None:
    """Draw one row: where the main cause shows, why it happens, what else was found."""
    main, n = diagnosis.findings[0], len(diagnosis.findings)
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    with row:
        _show_where(main, diagnosis, f"{key}_main", key, actions)
        _why(main, f"{key}_main")
        if n > 1:
            with st.popover(f"All {n} findings", icon=":material/search:", help="Each with its evidence", key=f"{key}_all"):  # fmt: skip
                for finding in diagnosis.findings:
                    _finding(finding, diagnosis, run, key, actions)
    if more := _evidence(main, diagnosis.summary):
        row.caption(more)
    _pictured(diagnosis, run, key)
    if run is not None and actions and main.code in BY_HAND:  # the settings stand below as buttons
        st.markdown(f"**First**: {BY_HAND[main.code]}")
    elif (run is None or not actions) and (titles := _titles(main, run)):
        st.markdown(f"**What to try**: {titles}")


def _titles(finding: Finding, run: Run | None) -> str:
    return "; ".join(to_try(finding, run.experiment if run else None))


def _evidence(finding: Finding, said: str) -> str:
    """Return what a finding rests on beyond what the text above it says."""
    facts = unsaid(finding.evidence, said)
    return plain("Evidence: " + "; ".join(f.text for f in facts)) if facts else ""


def _show_where(finding: Finding, diagnosis: Diagnosis, prefix: str, key: str, actions: bool) -> None:
    """Draw the button that shows a finding: in the curves, in pictures right below, or in the data."""
    if not actions and finding.code in IN_THE_DATA:
        return
    if finding.code in IN_THE_DATA:
        st.page_link(nav.path("data"), label="Show me where: Data, Health", icon=":material/visibility:")
    elif _marks(finding, diagnosis) or finding.code in PICTURED:
        shown = st.session_state.get(f"{key}_where") == finding.code
        st.button(
            "Hide it" if shown else "Show me where",
            key=f"{prefix}_where_{finding.code}",
            icon=":material/visibility_off:" if shown else ":material/visibility:",
            on_click=lambda: st.session_state.update({f"{key}_where": None if shown else finding.code}),
            help="Shows below what this rests on"
            if finding.code in PICTURED
            else "Marks in the curves what this rests on",
        )


def _pictured(diagnosis: Diagnosis, run: Run | None, key: str) -> None:
    """Draw the pictures or counts of the finding that the person asked to be shown."""
    code = st.session_state.get(f"{key}_where")
    if run is not None and code in PICTURED and any(f.code == code for f in diagnosis.findings):
        with st.container(key=f"{key}_shown"):
            details.of_finding(code, run, f"{key}_shown")


def _why(finding: Finding, prefix: str) -> None:
    if finding.code in RULES:
        with st.popover("Why?", icon=":material/school:", help="What this pattern is, and what to do about it", key=f"{prefix}_why_{finding.code}"):  # fmt: skip
            st.markdown(rule_page(finding.code))


def _finding(finding: Finding, diagnosis: Diagnosis, run: Run | None, key: str, actions: bool) -> None:
    st.markdown(
        f"**{finding.title}.** {glossary.linked(plain(finding.explanation))}  \n:gray[{_evidence(finding, finding.explanation)}]"
    )
    if (run is None or not actions) and (titles := _titles(finding, run)):
        st.markdown(f":gray[What to try: {titles}]")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        _show_where(finding, diagnosis, f"{key}_each", key, actions)
        st.page_link(nav.path("learn"), label="Why?", icon=":material/school:", query_params={"rule": finding.code})


def _remedies(findings: list[Finding], run: Run, key: str) -> None:
    """Offer what to change, each as one click that changes the Experiment."""
    possible = worth_trying(findings, run.experiment)
    if not possible:
        return
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    row.markdown("**What to try:**", width="content")
    for remedy in possible:
        row.button(
            remedy.title, key=f"{key}_remedy_{remedy.code}", help=f"Changes the experiment: {remedy.expectation}. This run stays as “before”. Press Train then",
            on_click=apply_remedy, args=(remedy.code, run.id),
        )  # fmt: skip


def apply_remedy(code: str, run_id: str) -> None:
    """Change the current experiment by a remedy of a run, which stays as "before"."""
    changed = REMEDIES[code].apply(services.store().get(run_id).experiment)
    if changed is not None:
        state.experiment()
        state.replace(changed)
        state.set_baseline(run_id)
        st.toast(
            f"{REMEDIES[code].title}: the experiment is changed, press Train to measure it.", icon=":material/build:"
        )
