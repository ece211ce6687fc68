"""The command `quantdyn report`, and `python3 -m quantdyn.report`: one self-contained HTML page of a result.

The page needs no network and no server.
"""
import argparse
import json
import os
import re
import sys
from html import escape

try:
    import matplotlib

    matplotlib.use("Agg")
    from ..figures import style
    from ..figures.catalogue import FIGURES, choose
    from ..figures.result import Missing, Result, UserError, printable
    from ..figures.style import HEAT, PAGE_INCHES, plt, svg_bytes
    from . import explanation, tables
    from .picker_data import picker
except ImportError as missing:
    sys.exit(f"report: {missing}; {sys.executable} needs h5py and matplotlib (Debian: python3-h5py, python3-matplotlib); "
             "the environment variable QUANTDYN_PYTHON names another Python")

HERE = os.path.dirname(os.path.abspath(__file__))


def part(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return f.read()


def inline_svg(data, name, caption):
    """An SVG to embed in a page: no prolog, unique ids, a title for screen readers."""
    svg = data.decode("utf-8")
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    own = re.compile(r'(\bid="|url\(#|href="#)')
    svg = re.sub(r"<[^>]*>", lambda tag: own.sub(rf"\g<1>{name}-", tag.group()), svg)  # not in texts: names are there
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(caption)}" ', 1)


def figures(result, choice):
    out = []
    for entry in FIGURES:
        try:
            figure = entry.draw([result], choice)
        except Missing as why:
            name = escape(entry.name.replace("_", " "))
            out.append(f'<p class="note">No figure of {name}: {escape(str(why))}.</p>\n')
            continue
        svg = inline_svg(svg_bytes(figure), entry.name, entry.caption)
        plt.close(figure)
        out.append(f'<figure id="{entry.name}">{svg}<figcaption>{escape(entry.caption)}</figcaption></figure>\n')
    return "".join(out)


def colours():
    """The heat map's colours as one string of hexadecimal digits, 6 each."""
    levels = matplotlib.colormaps[HEAT].resampled(64)
    return "".join(matplotlib.colors.to_hex(levels(index))[1:] for index in range(64))


def page(result, choice, limit_bytes, explained):
    data, notes = picker(result, choice.variants, limit_bytes)
    notes = "".join(f'<p class="note">{escape(note)}</p>\n' for note in notes)
    name = escape(result.name)
    variants = len(result.quantized_variants())
    picked = ""
    if data is not None:
        # "</script" would end the script element early, "<!--<script" keep it from ending.
        worst = explained[0]["layers"][0]["name"] if explained[0] and explained[0]["layers"] else None
        content = json.dumps({**data, "colours": colours(), "worst": worst}, separators=(",", ":")).replace("<", r"\u003c")
        picked = (part("picker.html") + f'<script type="application/json" id="histograms">{content}</script>\n'
                  f"<script>\n{part('picker.js')}</script>\n")
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{name}: quantdyn</title>\n'
            f'<link rel="icon" href="data:,">\n<style>\n{part("page.css")}</style></head>\n<body>\n'
            f"<header><h1>{name}</h1><p>{len(result.layers)} layers, {int(result.channels.sum())} channels, "
            f"{len(result.variants)} snapshots, {variants} quantization variants</p>"
            '<nav><a href="#explanation">Why</a> <a href="#summary">Summary</a> <a href="#figures">Figures</a> <a href="#picker">Channels</a> '
            '<a href="#layers">Layers</a> <a href="#provenance">Provenance</a></nav></header>\n<main>\n'
            f'<section id="explanation"><h2>Why it loses what it loses</h2>\n'
            f"{explanation.section(*explained)}</section>\n"
            f'<section id="summary"><h2>Summary</h2>\n{tables.summary(result)}</section>\n'
            f'<section id="figures"><h2>Figures</h2>\n{figures(result, choice)}</section>\n'
            f'<section id="picker"><h2>Channel histograms</h2>\n{picked}{notes}</section>\n'
            f'<section id="layers"><h2>Layers</h2>\n{tables.layers(result, choice.variant)}</section>\n'
            f'<section id="provenance"><h2>Provenance</h2>\n{tables.provenance(result)}'
            f"{tables.texts(result)}</section>\n</main>\n</body>\n</html>\n")


def arguments(argv):
    parser = argparse.ArgumentParser(prog="quantdyn report",
                                     description="Makes one self-contained HTML page of a result.")
    parser.add_argument("result", metavar="RESULT", help="a result.h5 or the folder that holds one")
    parser.add_argument("-o", "--output", metavar="FILE",
                        help="(default: report.html beside result.h5, NAME.html beside another NAME.h5)")
    parser.add_argument("--variant", nargs="+", default=[], metavar="V",
                        help="quantization variants of the figures and the picker (default: the first three)")
    parser.add_argument("--layer", metavar="L", help="the layer of epochs (default: the one with the lowest precision)")
    parser.add_argument("--epoch", type=int, metavar="E", help="epoch of the figures' float32 snapshot")
    parser.add_argument("--limit", type=float, default=12, metavar="MB",
                        help="limit on the histograms in the page, in megabytes (default: %(default)s)")
    parser.add_argument("--program", metavar="FILE",
                        help="quantdyn, which explains the result (default: the one that runs this, else the one in PATH)")
    parser.add_argument("--explanation", metavar="FILE", help="what quantdyn explain --json printed, instead")
    return parser.parse_args(argv)


def beside(path):
    """report.html in the folder of result.h5; of another file, which may have neighbours, its name with .html."""
    folder, name = os.path.split(path)
    return os.path.join(folder, "report.html" if name == "result.h5" else f"{os.path.splitext(name)[0]}.html")


def main(argv=None):
    options = arguments(argv)
    try:
        style.use("light")
        result = Result(options.result)
        choice = choose([result], options.variant, options.layer, options.epoch, PAGE_INCHES)
        explained = explanation.explanation(result, options.variant[0] if options.variant else None,
                                            options.program, options.explanation)
        content = page(result, choice, options.limit * 1e6, explained)
        output = options.output or beside(result.path)
        with open(output, "w", encoding="utf-8") as f:
            f.write(content)
        print(f"{output}: {len(content.encode('utf-8')) / 1e6:.1f} MB")
    except (UserError, OSError) as error:
        print(f"report: {printable(error)}", file=sys.stderr)
        return 2 if isinstance(error, UserError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
