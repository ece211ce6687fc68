"""A report's page: one self-contained HTML file of one result, or of several side by side."""
import json
import os
import re
from html import escape

import matplotlib

from ..figures.catalogue import FIGURES
from ..figures.result import Missing
from ..figures.style import HEAT, plt, svg_bytes
from . import explanation, graph, tables
from .picker_data import picker

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


def figures(results, choice):
    out = []
    for entry in FIGURES:
        try:
            figure = entry.draw(results, choice)
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


def worst_layer(found):
    return found["layers"][0]["name"] if found and found["layers"] else None


def histograms(data, notes):
    """The picker with its data, and what was left out."""
    picked = ""
    if data is not None:
        # "</script" would end the script element early, "<!--<script" keep it from ending.
        content = json.dumps({**data, "colours": colours()}, separators=(",", ":")).replace("<", r"\u003c")
        picked = (part("picker.html") + f'<script type="application/json" id="histograms">{content}</script>\n'
                  f"<script>\n{part('histograms.js')}</script>\n<script>\n{part('picker.js')}</script>\n")
    return picked + "".join(f'<p class="note">{escape(note)}</p>\n' for note in notes)


def net_section(results, found, data):
    """The graphs beside each other; their layers are links where the picker has them."""
    linked = [set() for _ in results]
    for block in data["blocks"] if data else ():
        linked[block["result"]].add(results[block["result"]].layers[block["layer"]])
    drawn = [graph.section(result, place, one, linked[place]) for place, (result, one) in enumerate(zip(results, found))]
    nets = "".join(f"<div>{'' if len(results) == 1 else f'<h3>{escape(result.name)}</h3>'}{net}</div>\n"
                   for result, (net, _) in zip(results, drawn))
    caption = ""
    if any(is_drawn for _, is_drawn in drawn):
        caption = f'<p class="note">{escape(graph.CAPTION + (graph.LINKED if any(linked) else ""))}</p>\n'
    return f'<div class="nets">{nets}</div>\n{caption}'


def each(results, made):
    """What is made of every result, under its name where there are several."""
    if len(results) == 1:
        return made[0]
    return "".join(f"<h3>{escape(result.name)}</h3>\n{one}" for result, one in zip(results, made))


def page(results, choice, limit_bytes, explained):
    """explained [result]: (what `quantdyn explain --json` said or None, why not)."""
    found = [one for one, _ in explained]
    is_one = len(results) == 1
    name = escape(" | ".join(result.name for result in results))
    facts = [f"{'' if is_one else result.name + ': '}{len(result.layers)} layers, {int(result.channels.sum())} channels, "
             f"{len(result.variants)} snapshots, {len(result.quantized_variants())} quantization variants" for result in results]
    why = "" if is_one else explanation.side_by_side(results, found)
    why += each(results, [explanation.section(*one, heading="h3" if is_one else "h4") for one in explained])
    data, notes = picker(results, choice.variants, [worst_layer(one) for one in found], limit_bytes)
    nets = net_section(results, found, data)
    summary = "" if is_one else tables.side_by_side(results)
    sections = (
        ("explanation", "Why", "Why it loses what it loses", why),
        ("net", "Net", "The net", nets),
        ("picker", "Channels", "Channel histograms", histograms(data, notes)),
        ("summary", "Summary", "Summary", summary + each(results, [tables.summary(result) for result in results])),
        ("figures", "Figures", "Figures", figures(results, choice)),
        ("layers", "Layers", "Layers", each(results, [tables.layers(result, choice.variant) for result in results])),
        ("provenance", "Provenance", "Provenance", each(results, [tables.provenance(result) + tables.texts(result) for result in results])))
    links = " ".join(f'<a href="#{key}">{short}</a>' for key, short, _, _ in sections)
    body = "".join(f'<section id="{key}"><h2>{title}</h2>\n{content}</section>\n' for key, _, title, content in sections)
    head = "<br>".join(map(escape, facts))
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{name}: quantdyn</title>\n'
            f'<link rel="icon" href="data:,">\n<style>\n{part("page.css")}</style></head>\n<body>\n'
            f"<header><h1>{name}</h1><p>{head}</p><nav>{links}</nav></header>\n<main>\n{body}</main>\n</body>\n</html>\n")
