"""One style for every picture and figure: colours that colour-blind readers can tell apart, on an opaque light card."""

from pathlib import Path

import matplotlib as mpl

Colour = tuple[int, int, int]

CARD: Colour = (247, 248, 250)
INK: Colour = (27, 31, 39)
QUIET: Colour = (104, 112, 126)
GRID: Colour = (222, 226, 233)
OCCLUDER: Colour = (90, 96, 104)
"""Card, letters, quiet letters, grid lines; a drawn occluder."""

BLUE: Colour = (0, 114, 178)
ORANGE: Colour = (230, 159, 0)
GREEN: Colour = (0, 158, 115)
RED: Colour = (213, 94, 0)
PURPLE: Colour = (204, 121, 167)
SKY: Colour = (86, 180, 233)
YELLOW: Colour = (240, 228, 66)
PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
"""Okabe and Ito's colours, RGB 0-255, in the order in which lines take them; yellow is too pale for a line."""

ANSWER, TRUTH, MISS, BOX = SKY, YELLOW, RED, PURPLE
"""What a colour means in every picture: the network's points, the labels, the error between the two, the given box."""

FONT = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
BOLD_FONT = FONT.with_name("DejaVuSans-Bold.ttf")


def rgb(colour: Colour) -> tuple[float, float, float]:
    """A colour as Matplotlib wants it, in [0, 1]."""
    return tuple(c / 255 for c in colour)


RC = {
    **dict.fromkeys(["figure.facecolor", "savefig.facecolor", "axes.facecolor"], rgb(CARD)),
    **dict.fromkeys(["text.color", "axes.labelcolor", "axes.titlecolor"], rgb(INK)),
    **dict.fromkeys(["axes.edgecolor", "xtick.color", "ytick.color"], rgb(QUIET)),
    **dict.fromkeys(["axes.grid", "axes.axisbelow", "figure.constrained_layout.use"], True),
    **dict.fromkeys(["axes.spines.top", "axes.spines.right", "legend.frameon"], False),
    **dict.fromkeys(["legend.fontsize", "xtick.labelsize", "ytick.labelsize"], 8),
    **dict.fromkeys(["figure.dpi", "savefig.dpi"], 100),
    "grid.color": rgb(GRID),
    "axes.prop_cycle": mpl.cycler(color=[*map(rgb, PALETTE)]),
    "image.cmap": "magma",
    "image.interpolation": "nearest",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "lines.linewidth": 1.8,
}
"""Matplotlib settings of every figure; `figures.py` draws inside `matplotlib.rc_context(RC)`."""
