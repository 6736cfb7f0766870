"""What the files of the tree say about themselves."""

from __future__ import annotations

from pathlib import Path

from maze.config.options import describe_options, describe_values


def test_every_option_of_the_package_has_a_sentence() -> None:
    for group, options in describe_options().items():
        for option, sentence in options.items():
            assert sentence, f"{group}/{option}.yaml begins with no sentence"


def test_specialisations_are_not_offered() -> None:
    assert not any(group.endswith("_configuration") for group in describe_options())


def test_ones_own_options_are_described(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "shop.yaml").write_text(
        "# @package env\n# A shop. It has goods;\n# and customers.\n_target_: x\n"
    )
    (tmp_path / "env" / "bare.yaml").write_text("_target_: x\n")
    options = describe_options(tmp_path)["env"]
    assert (options["shop"], options["bare"]) == ("A shop", "")


def test_comments_belong_to_the_values_below_them(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "shop.yaml").write_text(
        "# A shop.\n"
        "# what is sold\n"
        "goods:\n"
        "  # in euros\n"
        "  price: 3\n"
        "  colour: red\n"
        "customers:\n"
        "  - name: Ada\n"
        "    # in years\n"
        "    age: 36\n"
        "  - name: Bob\n"
        "    # also in years\n"
        "    age: 40\n"
        "# when it\n"
        "# opens\n"
        "opens: 8\n"
    )
    (tmp_path / "mine.yaml").write_text("defaults: [env: shop]\n# free words\ntags: {}\n")
    assert describe_values("mine", {"env": "shop", "model": None}, tmp_path) == {
        "env.goods": "what is sold",
        "env.goods.price": "in euros",
        "env.customers.0.age": "in years",
        "env.customers.1.age": "also in years",
        "env.opens": "when it opens",
        "tags": "free words",
    }


def test_packages_say_where_values_go() -> None:
    values = describe_values("conf_train", {"critic": "flatten_concat", "algorithm": "a2c"})
    assert values["model.critic.networks.0.hidden_units"] == "width of each hidden layer"
    assert values["algorithm.lr"] == ("learning rate of Adam; a number or a schedule, such as {start: 0.001, end: 0.0}")
    assert "algorithm._target_" not in values
