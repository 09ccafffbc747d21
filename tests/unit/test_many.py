"""Work in several processes: one item that fails, or kills its process, does not stop the rest."""

import os

from made_work import start

from redn_lib.commands.many import in_processes


def test_what_fails_and_what_dies_is_told_and_the_rest_is_done():
    items = ["a", "fails", "b", "dies", "c", "d", "dies"]
    found = list(in_processes(start, items, 2, lambda: False))
    assert sorted(item for item, _ in found) == sorted(items)
    failed = {item: str(result) for item, result in found if isinstance(result, Exception)}
    assert failed == {"fails": "'no such thing'", "dies": "its process died (exit code 7)"}
    assert {result[0] for _, result in found if isinstance(result, tuple)} == {"a", "b", "c", "d"}


def test_items_are_shared_among_processes_that_are_gone_at_the_end():
    found = list(in_processes(start, map(str, range(8)), 2, lambda: False))
    processes = {result[1] for _, result in found}
    assert 1 <= len(processes) <= 2 and os.getpid() not in processes
    for process in processes:
        assert not os.path.exists(f"/proc/{process}")


def test_asked_to_stop_the_items_at_work_end_and_no_other_begins():
    found = []
    for item, _ in in_processes(start, ["a", "long", "b", "long", "never"], 1, lambda: bool(found)):
        found.append(item)
    assert found == ["a"]
