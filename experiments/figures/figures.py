#!/usr/bin/python3
"""Draws the figures of one or more results: figures.py RESULT... --output DIR [--variant V...] [--layer L] ...

Needs Debian's python3-h5py and python3-matplotlib. README.md beside this file says how to read every figure.
"""
import argparse
import os
import sys

try:
    from catalogue import FIGURES, Choice
    from result import FLOAT, Missing, Result, UserError, printable, tell_apart
    from style import COLUMN_INCHES, PAGE_INCHES, STYLES, WRITERS, save, use
except ImportError as missing:
    sys.exit(f"figures: {missing}; install python3-h5py python3-matplotlib")


def arguments(argv):
    parser = argparse.ArgumentParser(prog="figures.py", description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", metavar="RESULT", help="a result.h5 or the folder that holds one")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the pictures; created if absent")
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


def choose(results, variants, layer, epoch, width):
    """The choice, checked against every result. Throws UserError where a result lacks what was asked for."""
    for result in results:
        result.pick(FLOAT, epoch)
        for variant in variants:
            result.pick(variant)
    if layer is not None and all(layer not in result.layers for result in results):
        results[0].layer_index(layer)
    if not variants:
        common = [name for name in results[0].quantized_variants()
                  if all(name in result.variants for result in results)]
        variants = common[:3]
    return Choice(tuple(variants), layer, epoch, width)


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
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
