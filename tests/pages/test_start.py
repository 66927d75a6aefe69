"""Start: cards, and a demonstration with its question and answer."""

from core.runs import RunStore
from core.studies.scenarios import SCENARIOS
from pages.parts import demonstration, services
from tests.pages.reading import unlinked


def _button(page, label):
    return next(b for b in page.button if b.label == label)


def test_every_demonstration_has_a_card(app):
    keys = {b.key for b in app.button if b.key and b.key.startswith("card_")}
    assert keys == {f"card_{key}" for key in SCENARIOS}


def test_a_link_shows_a_finished_demonstration_with_its_answer(app, finished_runs):
    app.query_params["show"], app.query_params["runs"] = "classic", ",".join(finished_runs)
    app.run()
    assert not app.exception
    assert app.title[0].value == SCENARIOS["classic"].title
    assert len(app.get("plotly_chart")) == 4
    text = unlinked(" ".join(m.value for m in app.markdown))
    assert SCENARIOS["classic"].look_at in text and SCENARIOS["classic"].question in text
    assert "Frozen, the model is right on" in text
    _button(app, "Open these runs in the Lab").click().run()
    assert app.session_state.run_id == finished_runs[1]
    assert app.session_state.baseline_id == finished_runs[0]


def test_every_card_has_a_button_of_its_own_name(app):
    labels = [b.label for b in app.button if b.key and b.key.startswith("card_")]
    assert len(set(labels)) == len(labels) == len(SCENARIOS)


def test_a_guess_is_settled_by_the_runs_and_the_lab_opens_by_link(app, finished_runs):
    app.query_params["show"], app.query_params["runs"] = "classic", ",".join(finished_runs)
    app.run()
    guess = app.get("button_group")[0]
    assert guess.label.startswith("**What would you have guessed?**")  # the answer stands below already
    assert guess.options == list(SCENARIOS["classic"].guess.options)
    guess.set_value(guess.options[0]).run()
    assert any("as you said" in m.value or "It was" in m.value for m in app.markdown)
    _button(app, "Open these runs in the Lab").click().run()
    assert app.query_params["run"] in (finished_runs[1], [finished_runs[1]])


def test_a_link_to_deleted_runs_shows_the_cards(app):
    app.query_params["show"], app.query_params["runs"] = "classic", "0" * 32
    app.run()
    assert not app.exception
    assert app.title[0].value == "Thaw a network, see what it learns"


def test_a_card_whose_labels_are_wrong_says_so_beside_its_pictures():
    told = {key: demonstration._wrong_labels(scenario) for key, scenario in SCENARIOS.items()}
    assert "On the left 35%" in told["labels"] and "In both runs 10%" in told["too-long"]
    assert {key for key, said in told.items() if said} == {"labels", "too-long", "flatten"}


def test_another_seed_trains_the_same_pair_of_settings_again(app, finished_runs):
    app.query_params["show"], app.query_params["runs"] = "classic", ",".join(finished_runs)
    app.run()
    store = RunStore()
    seed = store.get(finished_runs[0]).experiment.training.seed
    app.button(key="other_seed").click().run()
    assert not app.exception
    shown = app.query_params["runs"].split(",")
    try:
        assert not set(shown) & set(finished_runs)
        steps = SCENARIOS["classic"].seeded(seed + 1).steps
        assert [store.get(i).experiment for i in shown] == [step.experiment for step in steps]
    finally:
        for run_id in shown:
            services.engine().stop(run_id)
            services.engine().wait(run_id, timeout=120)
