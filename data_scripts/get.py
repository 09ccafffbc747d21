"""Get, check and convert a data set into the one form that the library reads; without a source, say what the set is."""

import argparse
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pooch
import requests

from redn_lib.data.convert import DamagedArchive, convert, report
from redn_lib.data.images import encode_image
from redn_lib.data.layouts import SETS
from redn_lib.files import FULL, one_line, print_all_names, reserved, whole_file
from redn_lib.widgets.contact_sheet import contact_sheet

TIMEOUT = 30  # seconds without a reply after which a host counts as gone

EXAMPLES = """\
examples
  python data_scripts/get.py 300w                                what it is, its licence, how large, how to get it
  python data_scripts/get.py 300w afw.zip helen.zip --out DIR    convert what you got: archives, folders, or both
  python data_scripts/get.py ytf68 --download --out DIR          download first, where a direct link is allowed

DIR then holds the set as redn_lib.data.dataset.open reads it, report.txt, and contact_sheet.jpg to look at.
Interrupted, or some files mended: run the same command again, only what is missing is done. To mend a file in an
archive, unpack it yourself and name the folder.

exit status   0 all well   1 converted, but something was left out or is odd: it is listed   2 nothing usable"""


def fetch(url: str, folder: Path, progress: bool = False) -> Path:
    """Download into `folder`, unless the file is there. Raises ConnectionError, with the remedy, where it fails."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT, hooks={"response": _whole})
    try:
        return Path(pooch.retrieve(url, None, fname=name, path=folder, downloader=downloader))
    except requests.RequestException as error:
        raise ConnectionError(f"{url}: {error}; run it again, or get {name} by hand and name the file") from error


def _whole(response: requests.Response, **_: object) -> None:
    """Raise an error of requests for a reply that is a part of the file only, which nobody asked for."""
    if response.status_code == 206:
        raise requests.RequestException(f"the host sent a part only ({response.headers.get('Content-Range')})")


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 all well, 1 converted with findings, 2 nothing usable, 130 interrupted."""
    print_all_names()
    names = "\n".join(f"  {name:10s}{dataset.title}" for name, dataset in SETS.items())
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"sets\n{names}\n\n{EXAMPLES}", formatter_class=formatter
    )
    parser.add_argument("set", nargs="?", choices=SETS, metavar="SET", help="which set; left out: list them")
    parser.add_argument("source", nargs="*", type=Path, metavar="SOURCE", help="archives or folders of the set")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the converted set goes")
    parser.add_argument("--download", action="store_true", help="download the set, where a direct link is allowed")
    options = parser.parse_args(arguments)
    if options.set is None:
        parser.print_help()
        return 0
    dataset = SETS[options.set]
    if not options.source and not options.download:
        print(f"{dataset.about}\n  then      python data_scripts/get.py {dataset.name} SOURCE --out DIR")
        return 0
    if options.out is None:
        parser.error("say with --out where the converted set goes")
    fetched: list[Path] = []
    try:
        if options.download and not dataset.links:
            raise ConnectionError(f"{dataset.name} cannot be downloaded directly; get it by hand")
        progress, downloads = sys.stderr.isatty(), options.out.with_name(f"{options.out.name}-downloads")
        links = dataset.links if options.download else ()
        fetched = [fetch(link, downloads, progress) for link in links]
        sources = [*options.source, *fetched]
        with reserved(options.out, folder=True):
            made = convert(dataset, sources, options.out, progress)
            some = [made[i] for i in np.unique(np.linspace(0, len(made) - 1, 64).round().astype(int))]
            sheet = contact_sheet((sample.face().image, sample.points, sample.box) for sample in some)
            with whole_file(options.out / "contact_sheet.jpg") as temporary:
                temporary.write_bytes(encode_image(sheet))
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        if isinstance(error, DamagedArchive) and error.path in fetched:
            error.path.unlink()  # so that the next run downloads it again
        is_full = getattr(error, "errno", None) in FULL
        remedy = "; free some space and run the same command again: it goes on" if is_full else ""
        about = f"\n\n{dataset.about}" if isinstance(error, ConnectionError) else ""
        print(f"{one_line(error)}{remedy}{about}", file=sys.stderr)
        return 2
    print(report(made))
    print(f"converted to {options.out}; look at {options.out / 'contact_sheet.jpg'}")
    return 1 if made.problems or made.wrong_counts() else 0


if __name__ == "__main__":
    sys.exit(main())
