"""The tables of longer runs, as a notebook reads them: what they are about comes first; a missing one stops nothing."""

from pathlib import Path

from redn_lib.experiments.tables import read_table


def load(path: str | Path) -> dict[str, dict[str, float]]:
    """A table's rows by variant, its cells as numbers (NaN where empty); prints what it is about. Where it is missing,
    prints how it is made and returns nothing.
    """
    path = Path(path)
    if not path.exists():
        print(f"{path.name} is not here: redn experiment {path.stem} makes it")
        return {}
    about = [line[2:] for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    print("\n".join(about).replace("; ", ";\n    "), end="\n\n")
    return {row.pop("variant"): {k: float(v or "nan") for k, v in row.items()} for row in read_table(path)}


def effects(path: str | Path, figure: str) -> dict[str, tuple[float, float, float]]:
    """Effects on one figure by name: mean, low and high of the 95 % interval, in its unit; none where the table is
    missing.
    """
    rows = [row for row in read_table(Path(path)) if row["figure"] == figure] if Path(path).exists() else []
    return {row["effect"]: tuple(float(row[k] or "nan") for k in ("mean", "low", "high")) for row in rows}


def shown(mean: float, low: float, high: float, unit: str = "") -> str:
    """A difference, its interval, and whether it counts: whether the interval leaves out 0."""
    counts = "counts" if low > 0 or high < 0 else "no difference that counts"
    return f"{mean:+6.2f}{unit} ({low:+.2f} to {high:+.2f}): {counts}"
