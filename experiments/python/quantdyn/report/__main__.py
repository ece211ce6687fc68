"""The command `quantdyn report`, and `python3 -m quantdyn.report`: one self-contained HTML page of results.

The page needs no network and no server.
"""
import argparse
import os
import sys

try:
    import matplotlib

    matplotlib.use("Agg")
    from ..figures import style
    from ..figures.catalogue import choose
    from ..figures.result import Result, UserError, printable, tell_apart
    from ..figures.style import PAGE_INCHES
    from .explanation import explanation
    from .page import page
except ImportError as missing:
    sys.exit(f"report: {missing}; {sys.executable} needs h5py and matplotlib (Debian: python3-h5py, python3-matplotlib); "
             "the environment variable QUANTDYN_PYTHON names another Python")

def arguments(argv):
    parser = argparse.ArgumentParser(prog="quantdyn report",
                                     description="Makes one self-contained HTML page of one result, or of several side by side.")
    parser.add_argument("results", nargs="+", metavar="RESULT", help="a result.h5 or the folder that holds one")
    parser.add_argument("-o", "--output", metavar="FILE",
                        help="(default: report.html beside result.h5, NAME.html beside another NAME.h5; of several results "
                             "comparison.html in the folder that holds them all)")
    parser.add_argument("--variant", nargs="+", default=[], metavar="V",
                        help="quantization variants of the figures and the picker (default: the first three)")
    parser.add_argument("--layer", metavar="L", help="the layer of epochs (default: the one with the lowest precision)")
    parser.add_argument("--epoch", type=int, metavar="E", help="epoch of the figures' float32 snapshot")
    parser.add_argument("--limit", type=float, default=12, metavar="MB",
                        help="limit on the histograms in the page, in megabytes, shared by the results (default: %(default)s)")
    parser.add_argument("--program", metavar="FILE",
                        help="quantdyn, which explains the result (default: the one that runs this, else the one in PATH)")
    parser.add_argument("--explanation", metavar="FILE", help="what quantdyn explain --json printed, instead; of one result")
    return parser.parse_args(argv)


def beside(paths):
    """report.html in the folder of result.h5; of another file, which may have neighbours, its name with .html; of several
    comparison.html in the folder that holds them all.
    """
    if len(paths) > 1:
        is_mixed = any(map(os.path.isabs, paths))
        folders = [os.path.dirname(os.path.abspath(path) if is_mixed else path) for path in paths]
        return os.path.join(os.path.commonpath(folders), "comparison.html")
    folder, name = os.path.split(paths[0])
    return os.path.join(folder, "report.html" if name == "result.h5" else f"{os.path.splitext(name)[0]}.html")


def main(argv=None):
    options = arguments(argv)
    try:
        if options.explanation and len(options.results) > 1:
            raise UserError("--explanation: it explains one result; accepted: one RESULT")
        style.use("light")
        results = [Result(path) for path in options.results]
        tell_apart(results)
        choice = choose(results, options.variant, options.layer, options.epoch, PAGE_INCHES)
        output = options.output or beside([result.path for result in results])
        if not os.access(os.path.dirname(output) or ".", os.W_OK):  # said before the work, not after it
            raise UserError(f"{output}: its folder cannot be written to; accepted: --output FILE in one that can")
        explained = [explanation(result, options.variant[0] if options.variant else None, options.program, options.explanation)
                     for result in results]
        content = page(results, choice, options.limit * 1e6, explained)
        try:
            with open(output, "w", encoding="utf-8") as f:
                f.write(content)
        except OSError as error:
            raise OSError(f"{output}: {error.strerror}") from None
        print(f"{output}: {len(content.encode('utf-8')) / 1e6:.1f} MB")
    except (UserError, OSError) as error:
        print(f"report: {printable(error)}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
