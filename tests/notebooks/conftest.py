"""The report of the format test: which outputs are compared less strictly than by default, and how."""

import pytest
from comparison import REPORTED, Rule


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each cell with a rule of its own, and how many there are of each sort."""
    reports = terminalreporter.getreports("passed")
    found = [cell for report in reports for name, cells in report.user_properties if name == REPORTED for cell in cells]
    if not found:
        return
    terminalreporter.section("how the outputs of notebooks are compared")
    rules = [rule for _, _, rule in found]
    words = sum(rule == "words only" for rule in rules)
    ignored = sum(rule.startswith("ignored") for rule in rules)
    for notebook, cell, rule in found:
        if rule != str(Rule()):
            terminalreporter.write_line(f"{notebook:<28} {cell:<24} {rule}")
    counts = f"{len(rules)} code cells: {words} words only, {ignored} ignored"
    terminalreporter.write_line(f"{counts}; all others within {Rule()} or as above")
