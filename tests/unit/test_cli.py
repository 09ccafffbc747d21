"""The command `redn`: exit codes, one clear line for a user's error, help without importing torch; public names."""

import io
import subprocess
import sys
import types

import pytest

import redn_lib
from redn_lib import cli


@pytest.fixture
def command(monkeypatch):
    """Put a made-up `redn doctor` in place whose run does what the test says."""

    def install(run):
        module = types.ModuleType("redn_lib.commands.doctor")
        module.add_options = lambda parser: parser.add_argument("--depth", type=int, default=1)
        module.run = run
        monkeypatch.setitem(sys.modules, "redn_lib.commands.doctor", module)

    return install


def test_exit_code_and_options_are_the_commands_own(command):
    command(lambda args: args.depth)
    assert cli.main(["doctor"]) == 1
    assert cli.main(["doctor", "--depth", "7"]) == 7


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("box is empty:\ngive x0 < x1"), "box is empty: give x0 < x1"),
        (FileNotFoundError(2, "No such file", "a.mp4"), "a.mp4: No such file"),
        (OSError(28, "could not write a.csv (No space)"), "could not write a.csv (No space)"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_users_error_is_one_line_and_exit_2(command, capsys, error, line):
    def fail(args):
        raise error

    command(fail)
    assert cli.main(["doctor"]) == 2
    assert capsys.readouterr() == ("", f"redn doctor: {line}\n")


def test_a_package_that_does_not_load_points_to_the_doctor(command, capsys):
    def fail(args):
        raise ImportError("libGL.so.1: cannot open shared object file")

    command(fail)
    assert cli.main(["doctor"]) == 2
    assert "libGL.so.1" in (err := capsys.readouterr().err) and "redn doctor" in err.split(";")[1]


def test_an_error_of_ours_is_not_hidden(command):
    def fail(args):
        raise ZeroDivisionError

    command(fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["doctor"])


def test_ctrl_c_ends_with_130_and_no_traceback(command, capsys):
    def stop(args):
        raise KeyboardInterrupt

    command(stop)
    assert cli.main(["doctor"]) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_every_name_is_printed_to_every_pipe(command, monkeypatch, encoding):
    pipes = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", pipes[0])
    monkeypatch.setattr(sys, "stderr", pipes[1])

    def fail(args):
        print("日本\udcff")
        raise ValueError("日本\udcff")

    command(fail)
    assert cli.main(["doctor"]) == 2
    for pipe in pipes:
        pipe.flush()
        assert b"\\udcff" in pipe.buffer.getvalue()


def test_closed_output_is_no_error(command, monkeypatch):
    """As under `2>&-`, or pythonw of Windows."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    command(lambda args: sys.stdout.write("a") + sys.stderr.write("b"))
    assert cli.main(["doctor"]) == 2


@pytest.mark.parametrize("argv", [[], ["no-such-command"], ["doctor", "--no-such-option"]])
def test_wrong_arguments_exit_2(argv, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(argv)
    assert end.value.code == 2
    assert "usage: redn" in capsys.readouterr().err


def test_help_names_every_command_and_loads_no_torch():
    code = "import atexit, sys; from redn_lib.cli import main; atexit.register(lambda: print('torch' in sys.modules))"
    code += "; main(['--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False", "redn_lib/__init__.py must load its public names only when asked"
    assert all(name in done.stdout for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_its_help(name, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    assert f"usage: redn {name}" in capsys.readouterr().out


def test_every_public_name_is_there_and_no_other():
    assert all(getattr(redn_lib, name).__name__ == name for name in redn_lib.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        redn_lib.nonsense  # noqa: B018
