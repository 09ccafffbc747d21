"""The ablation board: what feedback, memory and identity are worth, together and alone, by what makes a clip hard.

ablation_board("results/rq5.csv", setting)                   # in a notebook, with a kernel: controls, a live picture
ablation_figure("results/rq5.csv", memory=False)             # the same picture without widgets
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread, current_thread, main_thread

import ipywidgets as widgets
from IPython.display import Image

from redn_lib.experiments.curriculum import Setting
from redn_lib.experiments.rq5 import grid_runs
from redn_lib.widgets.ablation_picture import compose
from redn_lib.widgets.ablation_progress import Progress
from redn_lib.widgets.ablation_view import Grid, State, describe, in_words, read_grid, ticked
from redn_lib.widgets.live import Drawing, Live, refuse_unknown, rows_of_three, still


class Board(Live):
    """The board of a grid. setting: how the chosen cell is trained and measured in this kernel, None: not at all.

    figures: what short runs gave, by cell and kind.
    """

    def __init__(self, grid: Grid, state: State, setting: Setting | None = None):
        figures: dict[str, Mapping[str, float]] = {}
        controls = {
            **{name: widgets.Checkbox(on, description=name) for name, on in asdict(state).items() if name != "kind"},
            # a slider, because JupyterLab keeps the arrow keys up and down, which a dropdown needs, for itself
            "kind": widgets.SelectionSlider(options=grid.kinds, value=state.kind, description="kind of clip"),
        }
        super().__init__(lambda **values: draw(grid, State(**values), figures), controls, _shelf)
        self.line.layout.min_height = "5.6em"  # room for lines that wrap, so that the picture stays in place
        self.setting, self.figures, self.progress, self._runner = setting, figures, Progress(), None
        self.button = widgets.Button(description="train this network", tooltip="for a short while, here")
        self.button.layout.flex = "0 0 auto"
        self.button.on_click(lambda _button: self._pressed())
        if setting is not None:
            row = widgets.HBox([self.button, self.progress], layout=widgets.Layout(max_width="1000px"))
            top, *others = self.children
            self.children = (top, row, *others)

    def run(self) -> Mapping[str, float]:
        """Train the chosen cell as `setting` says, and put its figures on the board.

        What cells share is trained once, and a stopped run goes on where it was. Raises KeyboardInterrupt when stopped.
        """
        self.wait()
        state = State(**self.values())
        self.button.disabled = current_thread() is main_thread()  # which is busy now, and would hear the button later
        self.progress.begin(f"running {ticked(state)}")
        try:
            setting = replace(self.setting, show=self.progress.follow)
            work = next(run.work for run in grid_runs(setting, [0]) if run.variant == state.cell)
            self.figures[state.cell] = work()
        except KeyboardInterrupt:
            self.progress.say(f"stopped: {ticked(state)} goes on from here when it is run again")
            raise
        except Exception as error:
            self.progress.say(f"{type(error).__name__}: {error}", wrong=True)
            raise
        finally:
            self.button.disabled = False
        self.progress.say(f"done: {ticked(state)}, a short run of seed 0")
        self._moved()
        return self.figures[state.cell]

    def wait(self) -> None:
        """Until the run that the button began has ended."""
        if self._runner not in (None, current_thread()):
            self._runner.join()

    def _pressed(self) -> None:
        if self._runner is not None and self._runner.is_alive():
            self.progress.stop()
            return
        self.button.description = "stop"
        self._runner = Thread(target=self._aside, daemon=True)
        self._runner.start()

    def _aside(self) -> None:
        try:
            self.run()
        except (Exception, KeyboardInterrupt):  # said on the board
            return
        finally:
            self.button.description = "train this network"


def ablation_board(table: str | Path, setting: Setting | None = None, **start) -> Board:
    """Ticks for the parts, a slider for the kind of clip, and with a `setting` a button that runs the chosen cell.

    table: of `redn experiment rq5`, with its effects beside it; start: where controls begin, by the names of `State`.
    Raises FileNotFoundError or ValueError for a table that cannot be read, TypeError for an unknown control, ValueError
    for a kind that the table does not have.
    """
    return Board(*_prepare(table, start), setting)


def ablation_figure(table: str | Path, **start) -> Image:
    """The board's picture as an image with alt text, for pages where no widget runs; arguments as `ablation_board`."""
    drawing = draw(*_prepare(table, start), {})
    return still(drawing.picture, drawing.alt)


def draw(grid: Grid, state: State, figures: Mapping[str, Mapping[str, float]]) -> Drawing:
    """The picture, its line and its alt text."""
    return Drawing(compose(grid, state, figures), describe(grid, state, figures), in_words(grid, state))


def _prepare(table: str | Path, start: dict) -> tuple[Grid, State]:
    refuse_unknown(start, State, "the board")
    grid, state = read_grid(Path(table)), State(**start)
    if state.kind not in grid.kinds:
        raise ValueError(f"{table} has no column {state.kind!r}; there are {', '.join(grid.kinds)}")
    return grid, state


def _shelf(controls: dict[str, widgets.Widget]) -> widgets.Widget:
    """Ticks in one row, the slider below."""
    slider = controls["kind"]
    ticks = rows_of_three([control for control in controls.values() if control is not slider], "0")
    slider.layout = widgets.Layout(width="auto", max_width="640px")
    slider.style.description_width = "7em"
    return widgets.VBox([ticks, slider])
