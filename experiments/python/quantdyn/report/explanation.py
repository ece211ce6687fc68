"""The first section of a report: what `quantdyn explain --json` says, as HTML.

The JSON's keys are described in ../../../explain/README.md. Everything is escaped.
"""
import json
import os
import shutil
import subprocess
from html import escape

from ..figures.result import UserError
from .tables import number, table


def find_program(given):
    """The program: the one given, else $QUANTDYN, which the program sets, else the one in PATH; None if there is none."""
    named = given or os.environ.get("QUANTDYN")
    if not named:
        return shutil.which("quantdyn")
    if not os.access(named, os.X_OK):
        by = "" if given else ", which the environment variable QUANTDYN names"
        raise UserError(f"{named}{by}: not a program; accepted: the built quantdyn")
    return named


def explanation(result, variant, program, file):
    """(the JSON as dictionary or None, why there is none)."""
    if file is not None:
        try:
            with open(file, encoding="utf-8") as f:
                found = json.load(f)
        except ValueError as error:
            raise UserError(f"{file}: {error}; accepted: what quantdyn explain --json prints") from None
        if not isinstance(found, dict) or found.get("explain_schema") != 1:
            raise UserError(f"{file}: no explain_schema 1; accepted: what quantdyn explain --json prints")
        return found, None
    program = find_program(program)
    if program is None:
        return None, "No explanation: the program quantdyn was not found; --program names it."
    chosen = [] if variant is None else [f"--variant={variant}"]
    done = subprocess.run([program, "explain", result.path, "--json", *chosen], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return None, f"No explanation: {lines[-1]}"
    return json.loads(done.stdout), None


def share(value):
    return "\u2013" if value is None else f"{100 * value:.1f}"


def decibels(value):
    return "\u2013" if value is None else f"{value:+.1f} dB"


def cause(found):
    """One cause as a list item, its repair and gain below it."""
    out = f"<li><b>{escape(found['rule'])}</b>: {escape(found['sentence'])}"
    if found["remedy"]:
        measured = found.get("measured")
        gain = f"predicted {decibels(found['predicted_gain_db'])}"
        if measured:
            gain += f", measured {decibels(measured['gain_db'])}"
        out += f"<br>Repair: <code>{escape(found['remedy']['yaml'])}</code>; gain of the logits' SQNR: {gain}"
    return out + "</li>\n"


def side_by_side(results, found):
    """The verdicts of several results: a row each, a dash where there is no explanation."""
    rows = []
    for result, one in zip(results, found):
        if one is None:
            rows.append([result.name] + ["\u2013"] * 6)
            continue
        verdict, worst = one["verdict"], one["layers"][0] if one["layers"] else None
        values = [number(float("nan") if verdict[key] is None else verdict[key]) for key in ("accuracy_float", "accuracy", "logits_sqnr")]
        rows.append([result.name, one["variant"], *values, worst["name"] if worst else "\u2013", share(worst["cost"]) if worst else "\u2013"])
    return table("The variant that loses most, or the one asked for",
                 ["result", "variant", "accuracy in float", "accuracy", "SQNR of the logits (dB)", "costliest layer",
                  "its share of the logits' error (%)"], rows)


def section(found, why_not, heading="h3", rows=5):
    """The section's content: verdict, the costliest layers, causes. heading: the element that names a layer."""
    if found is None:
        return f'<p class="note">{escape(why_not)}</p>\n'
    verdict = found["verdict"]
    out = (f"<p>Variant <b>{escape(found['variant'])}</b>: {escape(verdict['sentence'])}.</p>\n")
    worst = found["layers"][:rows]
    if worst:
        headings = ["layer", "kind", "share of the logits' error (%)", "accumulated SQNR (dB)", "propagated SQNR (dB)",
                    "local SQNR (dB)"]
        keys = ("accumulated_sqnr", "propagated_sqnr", "local_sqnr")
        out += table(f"The costliest layers, by {found['ranked_by']}", headings,
                     [[layer["name"], layer["kind"], share(layer["cost"])]
                      + [number(float("nan") if layer[key] is None else layer[key]) for key in keys] for layer in worst])
    if verdict["kind"] == "keeps":
        return out + '<p class="note">Nothing here asks for a repair.</p>\n'
    for layer in worst:
        if layer["causes"]:
            causes = "".join(cause(each) for each in layer["causes"])
            out += f"<{heading}>{escape(layer['name'])}, {share(layer['cost'])} % of the logits' error</{heading}>\n<ul>\n{causes}</ul>\n"
    return out
