#!/usr/bin/python3
"""Makes reports of a small result, reads them, and opens them in a headless Chromium where there is one.

report_test.py PYTHON_FOLDER QUANTDYN NETWORKS. Exit code 77, shown as skipped, where a package or the browser is missing.
"""
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

sys.dont_write_bytecode = True
try:
    import h5py
    import matplotlib  # noqa: F401
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}; install python3-h5py python3-matplotlib")
    sys.exit(77)

from small_result import HOSTILE, call, expect_refusal, small_result, with_hostile_names

SCRIPT = "quantdyn.report"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-shell", "google-chrome")


class Page(html.parser.HTMLParser):
    """Ids, attributes that could fetch something, and whether every element is closed in order."""

    VOID = {"meta", "link", "br", "img", "path", "use", "image", "rect", "line"}

    def __init__(self, content):
        super().__init__()
        self.ids, self.addresses, self.open, self.rows = [], [], [], 0
        self.feed(content)
        self.close()

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href"):
                self.addresses.append(value)
        self.rows += tag == "tr"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open and self.open.pop() == tag, tag


def make(results, output, *options, **environment):
    code, printed, errors = call(SCRIPT, *([results] if isinstance(results, str) else results), "--output", output, *options,
                                 **environment)
    assert code == 0 and not errors and output in printed, errors
    with open(output, encoding="utf-8") as f:
        return f.read()


def page_is_whole_and_fetches_nothing(result, folder):
    content = make(result, os.path.join(folder, "report.html"))
    assert content == make(result, os.path.join(folder, "again.html"))
    page = Page(content)
    assert not page.open and len(page.ids) == len(set(page.ids))
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert "@import" not in content and "fetch(" not in content
    assert content.count("<svg ") == 17 and page.rows > 7 + 14
    for text in ("int4", "sep3_dw", "accumulated SQNR (dB)", "git revision", "learning_rate", "<noscript>"):
        assert text in content, text
    assert len(content) < 3e6


def explanation_comes_first(result, folder, program):
    output = os.path.join(folder, "why.html")
    content = make(result, output, "--program", program, "--variant", "int4")
    section = content[content.index('<section id="explanation">'):content.index('<section id="summary">')]
    assert "Variant <b>int4</b>: " in section and "of the logits" in section and "No explanation" not in section
    saved = os.path.join(folder, "why.json")
    with open(saved, "w", encoding="utf-8") as f:
        subprocess.run([program, "explain", result, "--json", "--variant", "int4"], stdout=f, check=True)
    assert make(result, output, "--explanation", saved, "--variant", "int4") == content
    none = make(result, output, "--program", "/bin/false")
    assert "No explanation: exit code 1" in none and "<svg " in none
    expect_refusal(SCRIPT, [result, "--output", output, "--explanation", __file__], "quantdyn explain --json")
    expect_refusal(SCRIPT, [result, "--output", output, "--program", saved], "not a program")
    return content


def limit_is_kept_and_said(result, folder):
    small = make(result, os.path.join(folder, "small.html"), "--limit", "0.15", "--variant", "int4")
    assert "these were left out: " in small and "5 other variants are not in the picker" in small
    none = make(result, os.path.join(folder, "none.html"), "--limit", "0.001")
    assert "Not in the picker" in none and 'id="canvas"' not in none
    assert "A layer leads to" not in none and 'href="#layer=' not in none


def net_is_a_graph(result, folder, program, content):
    """A node a layer, each a link; coloured by what it costs where there is an explanation; a sentence where Graphviz is absent."""
    costs = json.loads(subprocess.run([program, "explain", result, "--json", "--variant", "int4"], capture_output=True,
                                      check=True).stdout)["layers"]
    with h5py.File(result) as f:
        layers = list(f["layer"].asstr())
    graph = ElementTree.fromstring(re.search(r'<div class="net">(.*?)</div>', content, re.DOTALL).group(1))
    svg, link = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
    shown = {node.get(link + "href"): node for node in graph.iter(svg + "a")}
    assert re.search(r"^depthwise, -?[\d.]+ % of the logits' error$", shown["#layer=sep3_dw"].get(link + "title"))
    assert list(shown) == [f"#layer={name}" for name in layers]
    fills = {name: shown[f"#layer={name}"].find(svg + "path").get("fill") for name in layers}
    strongest = min(fills, key=lambda name: int((fills[name] if fills[name] != "white" else "#ffffff")[3:5], 16))
    assert strongest == costs[0]["name"] and len(set(fills.values())) > 2, fills
    assert sum("edge" in group.get("class", "") for group in graph.iter(svg + "g")) == len(layers) - 1
    bare = os.path.join(folder, "bare")
    os.mkdir(bare)
    code, _, errors = call(SCRIPT, result, "--output", os.path.join(folder, "bare.html"), PATH=bare)
    assert code == 0, errors
    with open(os.path.join(folder, "bare.html"), encoding="utf-8") as f:
        content = f.read()
        assert "No graph of the net: Graphviz is not installed" in content and "Colour: " not in content
    with open(os.path.join(bare, "dot"), "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\necho 'Format: svg not recognized' >&2\nexit 1\n")
    os.chmod(os.path.join(bare, "dot"), 0o755)
    assert "dot failed: Format: svg not recognized" in make(result, os.path.join(folder, "bare.html"), "--limit", "0.001", PATH=bare)


def several_results_share_a_page(results, folder, program):
    content = make(results, os.path.join(folder, "several.html"), "--program", program, "--variant", "int4",
                   "minmax-8")
    page = Page(content)
    assert not page.open and len(page.ids) == len(set(page.ids))
    assert content.count("<svg ") == 16 + len(results) and "No figure of " not in content
    names = ["small dws (dws)", "small dws (again)", "small regular"]
    section = content[content.index('<section id="explanation">'):content.index('<section id="net">')]
    assert [re.search(rf'<th scope="row">{re.escape(name)}</th><td>int4</td>', section) is not None for name in names] == [True] * 3
    with h5py.File(results[2]) as f:
        int8 = f["networkwise/accuracy"][list(f["variant"].asstr()).index("minmax-8")]
    row = re.search(r'<tr><th scope="row">minmax-8</th>((?:<td>[^<]*</td>)*)</tr>', content).group(1)
    assert re.findall(r"<td>([^<]*)</td>", row)[2] == f"{int8:.4g}", (row, int8)
    data = json.loads(re.search(r'<script type="application/json" id="histograms">(.*?)</script>', content).group(1))
    assert [one["name"] for one in data["results"]] == names and {block["result"] for block in data["blocks"]} == {0, 1, 2}
    code, printed, errors = call(SCRIPT, *results[:2], "--program", program)
    assert code == 0 and os.path.join(folder, "comparison.html") in printed, errors
    expect_refusal(SCRIPT, [*results, "--explanation", __file__], "one RESULT")


def labels_of_other_axes_are_no_metrics(result, folder):
    """As a merged file has them: an axis of runs in every group."""
    copy = os.path.join(folder, "merged.h5")
    shutil.copy(result, copy)
    with h5py.File(copy, "a") as f:
        f["networkwise/run_seed"] = [1, 2]
        del f["channelwise"]
    content = make(copy, os.path.join(folder, "merged.html"))
    assert "run seed" not in content and "Not in the picker" in content and "No figure of effective bits" in content


def names_are_texts(result, folder, program):
    hostile = with_hostile_names(result, os.path.join(folder, "hostile.h5"))
    output = os.path.join(folder, "hostile.html")
    content = make([hostile, result], output, "--program", program)
    assert "No explanation" not in content and "&amp;lt;</text>" in content  # "&lt;" in the graph
    content = make(hostile, output, "--program", program)
    page = Page(content)
    assert not page.open and len(page.ids) == len(set(page.ids)) and "</section>" in content
    data = json.loads(re.search(r'<script type="application/json" id="histograms">(.*?)</script>', content).group(1))
    assert len(data["results"][0]["layers"]) > 8 and all(map(str.__eq__, data["results"][0]["layers"], HOSTILE))
    assert content.count("<script") == 3 and "<!--<script>" not in content and "<b>" not in content.split("<main>")[0]
    assert 'onload="x' not in re.sub(r">[^<]*<", "><", content)  # in texts only


def wrong_use_is_one_line(result, folder):
    output = ["--output", os.path.join(folder, "refused.html")]
    expect_refusal(SCRIPT, [result, *output, "--variant", "int3"], "no variant int3", "int8")
    expect_refusal(SCRIPT, [__file__, *output], "is not HDF5")
    expect_refusal(SCRIPT, [result, "--output", os.path.join(folder, "absent", "x.html")], "absent")
    assert not os.path.exists(output[1])


def browse(browser, folder, address, *options):
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
               "--enable-logging=stderr", "--v=0", f"--user-data-dir={folder}/profile",
               "--virtual-time-budget=10000", "--window-size=1280,1000",
               *options, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=folder)
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


def picked(browser, folder, address):
    """What the page says it shows: the data attributes of the section."""
    dom = browse(browser, folder, address, "--dump-dom")
    section = re.search(r'<section id="picker"([^>]*)>', dom).group(1)
    return dict(re.findall(r'data-([a-z]+)="([^"]*)"', section)), dom


def picker_shows_what_is_chosen(browser, result, folder):
    address = "file://" + os.path.join(folder, "report.html")
    with h5py.File(result) as f:
        variants = list(f["variant"].asstr())
        float_at = len(variants) - 1 - variants[::-1].index("float32")
        int4, layers = variants.index("int4"), list(f["layer"].asstr())
        pictures = set()
        for snapshot, tensor, layer in ((float_at, "output", "sep3_dw"), (float_at, "folded_weight", "sep3_dw"),
                                        (int4, "output", "sep3_dw"), (float_at, "output", "logits")):
            shown, dom = picked(browser, folder, f"{address}#snapshot={snapshot}&tensor={tensor}&layer={layer}")
            at = layers.index(layer)
            assert (shown["tensor"], shown["layer"], shown["snapshot"]) == (tensor, layer, str(snapshot)), shown
            assert shown["rendered"] == "1"
            assert int(shown["channels"]) == f["network/channels"][at]
            assert int(shown["total"]) == f[f"layerwise/{tensor}/histogram"][snapshot, at].sum()
            assert int(shown["inked"].split(":")[0]) > 5000
            assert re.search(rf'<p id="status"[^>]*>{layer}, {tensor.replace("_", " ")}, ', dom)
            pictures.add(shown["inked"])
        assert len(pictures) == 4
    shown, _ = picked(browser, folder, address + "#layer=nonsense")
    assert shown["layer"] == layers[0] and shown["snapshot"] == str(float_at)


def picker_shows_two_and_a_band(browser, results, folder):
    address = "file://" + os.path.join(folder, "several.html")
    alone, _ = picked(browser, folder, f"{address}#layer=sep3_dw")
    with h5py.File(results[2]) as f:
        last = len(f["variant"]) - 1 - list(f["variant"].asstr())[::-1].index("float32")
        layers, total = list(f["layer"].asstr()), f["layerwise/output/histogram"][last].sum(axis=1)
    shown, dom = picked(browser, folder, f"{address}#layer=sep3_dw&with=2:{last}&other=conv3")
    assert (shown["maps"], shown["others"], shown["layer"]) == ("2", "0", "sep3_dw") and shown["inked"] != alone["inked"]
    assert int(shown["cells"]) >= int(alone["cells"])
    status = re.search(r'<p id="status"[^>]*>(.*?)</p>', dom).group(1)
    assert status.startswith("sep3_dw, ") and f"| conv3, output, float32, epoch 3: " in status, status
    assert f" {total[layers.index('conv3')]:,} values" in status, status
    as_deep, dom = picked(browser, folder, f"{address}#layer=sep3_dw&with=2:{last}")
    assert as_deep["maps"] == "2" and re.search(r'<p id="status"[^>]*>[^|]*\| conv\d, ', dom)
    band, dom = picked(browser, folder, f"{address}#layer=sep3_dw&with=runs")
    assert (band["maps"], band["others"]) == ("1", "1") and band["inked"] != alone["inked"]
    assert "; line: the other run<" in dom
    other, _ = picked(browser, folder, f"{address}#result=2")
    assert other["result"] == "2" and other["layer"] in layers, other


# A layer, then a pool, which has no weights, twice.
CLICK = """<script>setTimeout(() => {
  const click = (at) => document.querySelectorAll(".net")[2].querySelectorAll("a")[at].dispatchEvent(
    new MouseEvent("click", { bubbles: true, cancelable: true }));
  const list = document.getElementById("tensor");
  click(3);
  setTimeout(() => { list.value = "weight"; list.dispatchEvent(new Event("change")); }, 1000);
  setTimeout(() => click(7), 2000);
  setTimeout(() => { document.body.dataset.before = document.getElementById("picker").dataset.rendered; click(7); }, 3000);
}, 1000);</script>"""


def layer_of_the_graph_leads_to_its_histograms(browser, folder):
    with open(os.path.join(folder, "several.html"), encoding="utf-8") as f, \
         open(os.path.join(folder, "clicked.html"), "w", encoding="utf-8") as clicked:
        clicked.write(f.read().replace("</body>", CLICK + "</body>"))
    shown, dom = picked(browser, folder, f"file://{folder}/clicked.html")
    before = int(re.search(r'<body data-before="(\d+)"', dom).group(1))
    assert (shown["result"], shown["layer"], shown["tensor"]) == ("2", "pool", "output"), shown
    assert int(shown["rendered"]) == before + 1 == 5, (shown, before)  # at first, conv3, its weights, the pool, the pool again


def picker_starts_at_the_worst_layer(browser, result, folder, program):
    content = make(result, os.path.join(folder, "worst.html"), "--program", program, "--variant", "int4")
    worst = re.search(r'The costliest layers.*?<th scope="row">(.*?)</th>', content, re.DOTALL).group(1)
    shown, _ = picked(browser, folder, f"file://{folder}/worst.html")
    assert shown["layer"] == worst, (shown, worst)


USER = """<script>
setTimeout(() => {
  const first = document.getElementById("picker").dataset.inked;
  const list = document.getElementById("layer");
  list.value = "logits";
  list.dispatchEvent(new Event("change"));
  setTimeout(() => {
    const canvas = document.getElementById("canvas"), frame = canvas.getBoundingClientRect();
    canvas.dispatchEvent(new MouseEvent("mousemove",
      { clientX: frame.left + 90, clientY: frame.top + frame.height / 2 }));
    document.body.dataset.pointed = document.getElementById("status").textContent;
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "x"]) canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
    document.body.dataset.before = first;
    document.body.dataset.address = location.hash;
  }, 1000);
}, 1000);
</script>"""


def picker_answers_a_user(browser, folder):
    """Another choice in the list redraws and changes the address; pointing at a cell tells its channel and edges."""
    with open(os.path.join(folder, "report.html"), encoding="utf-8") as f, \
         open(os.path.join(folder, "used.html"), "w", encoding="utf-8") as used:
        used.write(f.read().replace("</body>", USER + "</body>"))
    shown, dom = picked(browser, folder, f"file://{folder}/used.html#layer=sep3_dw&tensor=output")
    body = dict(re.findall(r'data-([a-z]+)="([^"]*)"', re.search(r"<body([^>]*)>", dom).group(1)))
    assert shown["layer"] == "logits" and shown["rendered"] == "2", shown
    assert body["before"] != shown["inked"] and "layer=logits" in body["address"], body
    assert re.fullmatch(r"channel 0, values from \S+ to \S+: [\d,]+ of 16; range \S+ to \S+", body["pointed"]), body
    assert re.search(r'<p id="status"[^>]*>channel 1, values from \S+ to \S+: [\d,]+ of 16; range ', dom)  # by the keys


WIDTH = """<script>setTimeout(() => {
  document.body.dataset.over = document.documentElement.scrollWidth - innerWidth;
}, 500);</script>"""


def page_fits_phones_screens_dark_rooms_and_paper(browser, folder):
    with open(os.path.join(folder, "worst.html"), encoding="utf-8") as f, \
         open(os.path.join(folder, "wide.html"), "w", encoding="utf-8") as wide:
        wide.write(f.read().replace("</body>", WIDTH + "</body>"))
    address = f"file://{folder}/wide.html"
    for width in (390, 1280, 1920):
        dom = browse(browser, folder, address, "--dump-dom", f"--window-size={width},1000")
        assert int(re.search(r'<body data-over="(-?\d+)"', dom).group(1)) <= 0, width
    for theme, is_dark in ((0, True), (1, False)):
        browse(browser, folder, address, f"--blink-settings=preferredColorScheme={theme}", f"--screenshot={folder}/theme.png")
        with Image.open(os.path.join(folder, "theme.png")) as image:
            assert (sum(image.convert("RGB").getpixel((5, 5))) < 200) == is_dark, theme
    browse(browser, folder, address, f"--print-to-pdf={folder}/page.pdf")
    with open(os.path.join(folder, "page.pdf"), "rb") as f:
        content = f.read()
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", content)) < 20 and len(content) > 100_000


def screenshot_has_colours(browser, folder):
    browse(browser, folder, f"file://{folder}/report.html", f"--screenshot={folder}/page.png")
    with Image.open(os.path.join(folder, "page.png")) as image:
        assert image.width == 1280 and len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 20


def main():
    _, _, program, networks = sys.argv
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    with tempfile.TemporaryDirectory() as folder:
        result = small_result(program, networks, folder, "dws")
        page_is_whole_and_fetches_nothing(result, folder)
        explained = explanation_comes_first(result, folder, program)
        limit_is_kept_and_said(result, folder)
        labels_of_other_axes_are_no_metrics(result, folder)
        names_are_texts(result, folder, program)
        wrong_use_is_one_line(result, folder)
        net_is_a_graph(result, folder, program, explained)
        results = [result, small_result(program, networks, folder, "dws", "--set", "seed=1", output="again"),
                   small_result(program, networks, folder, "regular")]
        several_results_share_a_page(results, folder, program)
        if browser is None:
            print("passed, but skipped: the page in a browser; install chromium-headless-shell")
            sys.exit(77)
        picker_shows_what_is_chosen(browser, result, folder)
        picker_starts_at_the_worst_layer(browser, result, folder, program)
        picker_shows_two_and_a_band(browser, results, folder)
        layer_of_the_graph_leads_to_its_histograms(browser, folder)
        picker_answers_a_user(browser, folder)
        page_fits_phones_screens_dark_rooms_and_paper(browser, folder)
        screenshot_has_colours(browser, folder)


if __name__ == "__main__":
    main()
