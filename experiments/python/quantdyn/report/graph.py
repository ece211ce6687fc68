"""The net of a report as a graph, drawn by Graphviz: nodes coloured by what they cost, each a link to its histograms."""
import re
import shutil
import subprocess
from html import escape
from urllib.parse import quote

from ..figures.result import text

CAPTION = "Colour: the layer's share of the logits' error, white none, orange half of it or more."
LINKED = " A layer leads to its histograms."
WHITE, FULL = (255, 255, 255), (213, 94, 0)  # vermilion of ../figures/style.py


def colour(share):
    """White for no part of the logits' error or less, vermilion for half of it or more."""
    weight = min(1.0, max(0.0, 2 * share))
    return "#" + "".join(f"{round(white + weight * (full - white)):02x}" for white, full in zip(WHITE, FULL))


def quoted(words):
    """A string of the language DOT, which reads entities of HTML."""
    printed = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
    return '"' + printed.replace("&", "&amp;").replace("\\", r"\\").replace('"', r"\"") + '"'


def shortened(name):
    return name if len(name) <= 24 else f"{name[:14]}\u2026{name[-9:]}"


def source(result, place, costs, linked):
    """The graph in DOT. costs {layer: share of the logits' error}; place: the result's, among those of the page; linked: the
    names of layers that have histograms to lead to.
    """
    lines = ['digraph net { bgcolor=transparent; ranksep=0.18; nodesep=0.15;',
             'node [shape=box, style="filled,rounded", fontname="DejaVu Sans", fontsize=9, height=0.24, margin="0.08,0.02", '
             'fillcolor=white, fontcolor=black]; edge [arrowsize=0.5];']
    names = [text(name) for name in result.file["network/name"][:]]
    inputs = [text(value) for value in result.file["network/inputs"][:]]
    at = {name: index for index, name in enumerate(names)}
    for index, (name, layer) in enumerate(zip(names, result.layers)):
        facts = result.kinds[index] + (f", {100 * costs[name]:.1f} % of the logits' error" if name in costs else "")
        address = f"#{f'result={place}&' if place else ''}layer={quote(layer, safe='')}"
        link = f", URL={quoted(address)}" if layer in linked else ""
        fill = f', fillcolor="{colour(costs[name])}"' if name in costs else ""
        lines.append(f"n{index} [label={quoted(shortened(layer))}, tooltip={quoted(facts)}{link}{fill}];")
        lines += [f"n{at[wanted]} -> n{index};" for wanted in inputs[index].split(", ") if wanted in at]
    return "\n".join([*lines, "}"])


def section(result, place, explained, linked):
    """(the graph as inline SVG, or a sentence on why there is none; whether there is one).

    explained: what `quantdyn explain --json` said, or None; linked as for source().
    """
    dot = shutil.which("dot")
    if dot is None or "network/inputs" not in result.file:
        why = "Graphviz is not installed (its program dot)" if dot is None else "the result does not say which layer feeds which"
        return f'<p class="note">No graph of the net: {why}.</p>\n', False
    costs = {layer["name"]: layer["cost"] for layer in explained["layers"] if layer["cost"] is not None} if explained else {}
    drawn = subprocess.run([dot, "-Tsvg"], input=source(result, place, costs, linked), capture_output=True, encoding="utf-8",
                           check=False)
    if drawn.returncode != 0 or "<svg" not in drawn.stdout:
        why = (drawn.stderr.strip().splitlines() or [f"exit code {drawn.returncode}"])[-1]
        return f'<p class="note">No graph of the net: dot failed: {escape(why)}.</p>\n', False
    svg = drawn.stdout[drawn.stdout.index("<svg"):]
    svg = re.sub(r"<!--.*?-->\n?", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<[^>]*?\bid=")', rf"\g<1>net{place}-", svg)
    label = f"the layers of {result.name} and what feeds them"
    svg = svg.replace("<svg ", f'<svg role="group" aria-label="{escape(label)}" ', 1)
    what = explained["variant"] if costs else "not coloured: no layer's share is known"
    return f'<div class="net">{svg}</div><p class="note">{escape(what)}</p>\n', True
