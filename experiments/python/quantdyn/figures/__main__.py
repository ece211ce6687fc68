"""The command `quantdyn figures`, and `python3 -m quantdyn.figures`: draws figures of one or more results.

README.md beside this file says how to read every figure.
"""
import argparse
import os
import sys

try:
    import matplotlib

    matplotlib.use("Agg")
    from .catalogue import FIGURES, choose
    from .result import Missing, Result, UserError, printable, tell_apart
    from .style import COLUMN_INCHES, PAGE_INCHES, STYLES, WRITERS, save, use
except ImportError as missing:
    sys.exit(f"figures: {missing}; {sys.executable} needs h5py and matplotlib (Debian: python3-h5py, python3-matplotlib); "
             "the environment variable QUANTDYN_PYTHON names another Python")


def arguments(argv):
    parser = argparse.ArgumentParser(prog="quantdyn figures",
                                     description="Draws figures of one or more results, nets side by side.")
    parser.add_argument("results", nargs="+", metavar="RESULT", help="a result.h5 or the folder that holds one")
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder for the pictures; created if absent")
    parser.add_argument("--variant", nargs="+", default=[], metavar="V",
                        help="quantization variants; several are drawn in errors and training, elsewhere the first "
                             "(default: the first three that all results have)")
    parser.add_argument("--layer", metavar="L", help="the layer of epochs (default: the one with the lowest precision)")
    parser.add_argument("--epoch", type=int, metavar="E", help="epoch of the float32 snapshot (default: the last)")
    parser.add_argument("--figure", nargs="+", metavar="F", choices=[entry.name for entry in FIGURES],
                        default=[entry.name for entry in FIGURES], help="only these: %(choices)s")
    parser.add_argument("--formats", nargs="+", choices=sorted(WRITERS), default=["png", "svg"],
                        help="(default: png svg)")
    parser.add_argument("--style", choices=sorted(STYLES), default="light", help="dark: for slides (default: light)")
    parser.add_argument("--width", choices=("column", "page"), default="page",
                        help=f"{COLUMN_INCHES} or {PAGE_INCHES:g} inches")
    return parser.parse_args(argv)


def main(argv=None):
    options = arguments(argv)
    try:
        results = [Result(path) for path in options.results]
        tell_apart(results)
        use(options.style)
        choice = choose(results, options.variant, options.layer, options.epoch,
                        COLUMN_INCHES if options.width == "column" else PAGE_INCHES)
        os.makedirs(options.output, exist_ok=True)
        for entry in FIGURES:
            if entry.name not in options.figure:
                continue
            try:
                for path in save(entry.draw(results, choice), options.output, entry.name, options.formats):
                    print(path)
            except Missing as why:
                print(f"skipped {entry.name}: {printable(why)}", file=sys.stderr)
    except (UserError, OSError) as error:
        print(f"figures: {printable(error)}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
