"""The report of the format test: which outputs are compared less strictly than by default, and how."""

from collections.abc import Callable

import pytest
from comparison import Rule

RULES = pytest.StashKey[dict[str, dict[str, Rule]]]()


@pytest.fixture(scope="session")
def record_rules(pytestconfig: pytest.Config) -> Callable[[str, dict[str, Rule]], None]:
    """record_rules(notebook, {cell id: rule}): what the report is made of."""
    pytestconfig.stash[RULES] = {}
    return pytestconfig.stash[RULES].__setitem__


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A line for each cell with a rule of its own, and how many there are of each sort."""
    found = config.stash.get(RULES, {})
    if not found:
        return
    terminalreporter.section("how the outputs of notebooks are compared")
    rules = [rule for cells in found.values() for rule in cells.values()]
    words, ignored = sum(r.tolerance is None for r in rules), sum(bool(r.ignore) for r in rules)
    for notebook, cells in found.items():
        for cell, rule in cells.items():
            if rule != Rule():
                terminalreporter.write_line(f"{notebook:<28} {cell:<24} {rule}")
    terminalreporter.write_line(
        f"{len(rules)} code cells: {words} words only, {ignored} ignored; all others within {Rule()} or as above"
    )
