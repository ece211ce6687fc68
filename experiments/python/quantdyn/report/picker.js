"use strict";
// Draws the channel histograms of the chosen block, beside those of another snapshot, result or layer if asked for. What is
// chosen is in the address behind "#", to be linked to.
(() => {
  const { decode, axisOf, cellsOn, sharesOf, positionOf } = histograms;
  const data = JSON.parse(document.getElementById("histograms").textContent);
  const section = document.getElementById("picker");
  const canvas = document.getElementById("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const status = document.getElementById("status");
  const select = Object.fromEntries(
    ["result", "snapshot", "tensor", "layer", "order", "with", "other"].map((id) => [id, document.getElementById(id)]));
  const margin = { left: 78, right: 12, top: 26, bottom: 40, gap: 14 };
  const FIRST = "#56b4e9", SECOND = "#e69f00", ENDS = "#d55e00";
  const sideWidth = () => Math.min(150, canvas.clientWidth / 5);  // of the bars on the right
  const palette = data.colours.match(/.{6}/g).map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  let shown = null;  // on the canvas: maps, others (of a band), each {view, cells, name}; axis
  let cursor = null; // the cell that the keys have chosen: its map, column and cell of the axis
  let pointed = null; // the number of the channel whose histogram is on the right; null: the whole layer
  let request = 0;   // a later choice wins over one that is still being decoded

  function channelOrder(view) {
    const order = Array.from({ length: view.channels }, (_, index) => index);
    if (select.order.value === "width" && view.low)
      order.sort((a, b) => (view.high[a] - view.low[a]) - (view.high[b] - view.low[b]) || a - b);
    return order;
  }

  const ink = () => getComputedStyle(document.body).color;
  const superscript = (n) => String(n).replace(/[-0-9]/g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);
  function valueText(value) {
    if (value === 0 || !Number.isFinite(value)) return value === 0 ? "0" : value < 0 ? "−∞" : "∞";
    const size = Math.abs(value), exponent = Math.log2(size);
    const text = Number.isInteger(exponent) && (exponent < -4 || exponent > 9) ? `2${superscript(exponent)}`
      : size >= 1e-3 && size < 1e5 ? String(+size.toPrecision(4)) : size.toExponential(2);
    return (value < 0 ? "−" : "") + text;
  }

  const cellCount = () => shown.axis.length - 1;

  function image({ view, cells }, order) {
    const height = cells.length, picture = new ImageData(view.channels, height);
    order.forEach((channel, x) => {
      const scale = (palette.length - 1) / Math.log(1 + Math.max(1, view.largest[channel]));
      cells.forEach((cell, at) => {
        const count = cell < 0 ? 0 : view.counts[cell * view.channels + channel];
        if (count) picture.data.set([...palette[Math.round(scale * Math.log(1 + count))], 255],
                                    4 * ((height - 1 - at) * view.channels + x));
      });
    });
    const off = document.createElement("canvas");
    off.width = view.channels; off.height = height;
    off.getContext("2d").putImageData(picture, 0, 0);
    return off;
  }

  /** Where the maps and the bars are, in pixels. */
  function areas() {
    const height = canvas.clientHeight - margin.top - margin.bottom, count = shown.maps.length;
    const side = canvas.clientWidth - margin.right - sideWidth();
    const width = (side - margin.left - margin.gap * count) / count;
    return { side, y: margin.top, height, cellHeight: height / cellCount(),
             maps: shown.maps.map((map, at) => ({ map, width, x: margin.left + at * (width + margin.gap) })) };
  }

  function axisTicks(area) {
    const axis = shown.axis, wanted = [];
    for (let edge = 0; edge < axis.length; ++edge)
      if (Number.isInteger(Math.log2(Math.abs(axis[edge])))) wanted.push([edge, axis[edge]]);
    const zero = axis.findIndex((value, index) => value === 0 && axis[index + 1] >= 0);
    if (zero >= 0 && zero < cellCount()) wanted.push([axis[zero + 1] === 0 ? zero + 0.5 : zero, 0]);
    context.textAlign = "right"; context.textBaseline = "middle";
    const spread = wanted.sort((a, b) => (a[1] === 0 ? -1 : b[1] === 0 ? 1 : Math.abs(b[1]) - Math.abs(a[1])));
    const taken = [];
    for (const [edge, value] of spread) {
      const y = area.y + area.height - edge * area.cellHeight;
      if (taken.some((other) => Math.abs(other - y) < 17)) continue;
      taken.push(y);
      context.fillRect(margin.left - 4, y - 0.5, 4, 1);
      context.fillText(valueText(value), margin.left - 7, y);
    }
  }

  function channelTicks(area, { map, width, x }) {
    const { channels } = map.view, bottom = area.y + area.height;
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((s) => channels / s <= width / 45) || 5000;
    context.textAlign = "center"; context.textBaseline = "top";
    for (let channel = 0; channel < channels; channel += step) {
      const at = x + (channel + 0.5) * width / channels;
      context.fillRect(at - 0.5, bottom, 1, 4);
      context.fillText(String(channel), at, bottom + 6);
    }
    const name = select.order.value === "width" && width > 160 ? "channel, narrowest first" : "channel";
    context.fillText(name, x + width / 2, bottom + 22);
  }

  function ends(area, { map, width, x }, order) {
    const { view } = map;
    if (!view.low) return;
    const columnWidth = width / view.channels;
    context.fillStyle = ENDS;
    order.forEach((channel, column) => {
      for (const value of [view.low[channel], view.high[channel]]) {
        if (Number.isNaN(value)) continue;
        const y = area.y + area.height - positionOf(shown.axis, value) * area.cellHeight;
        context.fillRect(x + column * columnWidth, y - 1, Math.max(1, columnWidth), 2);
      }
    });
  }

  /** What is on the right: the shares [cell of the axis] of each map, of the runs of the band, and their heading. */
  function shares() {
    const of = (map) => pointed !== null && pointed >= map.view.channels ? null : sharesOf(map, pointed);
    return { first: of(shown.maps[0]), second: shown.maps[1] ? of(shown.maps[1]) : null,
             runs: shown.others.map(of), title: pointed === null ? "whole layer" : `channel ${pointed}` };
  }

  function bars(area) {
    const { first, second, runs, title } = shares();
    const all = [first, second, ...runs].filter((one) => one !== null);
    const largest = Math.max(...all.map((one) => Math.max(...one)));
    const counted = Math.max(...[...shown.maps, ...shown.others].map(({ view }) =>
      pointed === null ? view.block.total : view.totals[pointed] || 0));
    const length = (share) => sideWidth() * Math.log(1 + counted * share) / Math.log(1 + counted * largest);
    const top = (cell) => area.y + area.height - (cell + 1) * area.cellHeight;
    const outline = (lengthOf, colour) => {
      context.strokeStyle = colour; context.lineWidth = 1.5; context.beginPath();
      for (let cell = 0; cell < cellCount(); ++cell) {
        context.lineTo(area.side + lengthOf(cell), top(cell) + area.cellHeight);
        context.lineTo(area.side + lengthOf(cell), top(cell));
      }
      context.stroke();
    };
    context.fillStyle = FIRST;
    if (first && largest > 0) first.forEach((share, cell) =>
      context.fillRect(area.side, top(cell), length(share), Math.max(1, area.cellHeight - 0.5)));
    if (second && largest > 0) outline((cell) => length(second[cell]), SECOND);
    const others = runs.filter((one) => one !== null);
    if (others.length && largest > 0) {
      context.fillStyle = SECOND; context.globalAlpha = 0.35;
      for (let cell = 0; cell < cellCount(); ++cell) {
        const lengths = others.map((one) => length(one[cell])), least = Math.min(...lengths);
        context.fillRect(area.side + least, top(cell), Math.max(...lengths) - least, area.cellHeight);
      }
      context.globalAlpha = 1;
      outline((cell) => length(others.reduce((sum, one) => sum + one[cell], 0) / others.length), SECOND);
    }
    context.fillStyle = ink();
    context.textAlign = "left"; context.textBaseline = "bottom";
    context.fillText(title, area.side, area.y - 6);
    context.fillRect(area.side, area.y, 1, area.height);
  }

  /** The name of a map, in the colour of its bars, cut where it has no room. */
  function mapTitle(area, { map, width, x }, colour) {
    let text = map.name;
    while (text.length > 4 && context.measureText(text).width > width - 14) text = `${text.slice(0, -4)}…`;
    context.fillStyle = colour;
    context.fillRect(x, area.y - 17, 9, 9);
    context.fillStyle = ink();
    context.textAlign = "left"; context.textBaseline = "bottom";
    context.fillText(text, x + 13, area.y - 6);
  }

  function draw() {
    if (!shown) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio; canvas.height = canvas.clientHeight * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    context.font = '12px "DejaVu Sans", Arial, sans-serif';
    const area = areas();
    area.maps.forEach((place, at) => {
      const { view } = place.map, order = channelOrder(view);
      context.imageSmoothingEnabled = view.channels > place.width;
      context.drawImage(image(place.map, order), place.x, area.y, place.width, area.height);
      ends(area, place, order);
      context.strokeStyle = "#888"; context.lineWidth = 1;
      context.strokeRect(place.x - 0.5, area.y - 0.5, place.width + 1, area.height + 1);
      context.fillStyle = ink();
      channelTicks(area, place);
      if (shown.maps.length > 1) mapTitle(area, place, at ? SECOND : FIRST);
    });
    context.textAlign = "left"; context.textBaseline = "bottom";
    context.fillText("value (1)", 8, area.y - 6);
    axisTicks(area);
    bars(area);
    if (!cursor) return;
    const place = area.maps[cursor.map], width = place.width / place.map.view.channels;
    context.strokeStyle = ink(); context.lineWidth = 2;
    context.strokeRect(place.x + cursor.x * width, area.y + area.height - (cursor.cell + 1) * area.cellHeight,
                       Math.max(3, width), Math.max(3, area.cellHeight));
  }

  const labelOf = (block) => data.results[block.result].snapshots[block.snapshot];
  const layerOf = (block) => data.results[block.result].layers[block.layer];
  const nameOf = (block) => (data.results.length > 1 ? `${data.results[block.result].name}: ` : "") +
    `${layerOf(block)}, ${labelOf(block)}`;

  function describe() {
    const of = ({ view: { block } }) => {
      const nonfinite = block.nonfinite ? `, ${block.nonfinite.toLocaleString("en")} not finite` : "";
      return `${layerOf(block)}, ${block.tensor.replaceAll("_", " ")}, ${labelOf(block)}: ${block.channels} channels, ` +
        `${block.total.toLocaleString("en")} values${nonfinite}`;
    };
    const count = shown.others.length;
    const band = count > 1 ? `; band: ${count} other runs, smallest to largest, and their mean` : count ? "; line: the other run" : "";
    status.textContent = shown.maps.map(of).join(" | ") + band;
  }

  const valuesOf = (view, cell) => `values from ${valueText(view.edges[cell])} to ${valueText(view.edges[cell + 1])}`;

  /** Says what a cell of the axis in the column `x` of a map holds. */
  function tell(index, x, at) {
    const { view, cells, name } = shown.maps[index];
    const channel = channelOrder(view)[x], cell = cells[at], count = cell < 0 ? 0 : view.counts[cell * view.channels + channel];
    const range = view.low ? `; range ${valueText(view.low[channel])} to ${valueText(view.high[channel])}` : "";
    const values = cell < 0 ? "no values here" : valuesOf(view, cell);
    status.textContent = (shown.maps.length > 1 ? `${name}, ` : "") + `channel ${channel}, ${values}: ` +
      `${count.toLocaleString("en")} of ${view.totals[channel].toLocaleString("en")}${range}`;
    point(channel);
  }

  function point(channel) {
    const isSame = pointed === channel;
    pointed = channel;
    if (!isSame) draw();
  }

  function tellAll() {
    point(null);
    describe();
  }

  function hover(event) {
    if (!shown) return;
    const area = areas(), frame = canvas.getBoundingClientRect(), at = event.clientX - frame.left;
    const cell = Math.floor((area.y + area.height - (event.clientY - frame.top)) / area.cellHeight);
    if (cell < 0 || cell >= cellCount()) return tellAll();
    if (at >= area.side) {
      point(null);
      const one = ({ view, cells }) => cells[cell] < 0 ? "no values here"
        : `${valuesOf(view, cells[cell])}: ${view.layer[cells[cell]].toLocaleString("en")} of ${view.block.total.toLocaleString("en")}`;
      status.textContent = `whole layer, ${shown.maps.map(one).join(" | ")}`;
      return;
    }
    const index = area.maps.findIndex(({ x, width }) => at >= x && at < x + width);
    if (index < 0) return tellAll();
    const { x, width, map } = area.maps[index];
    tell(index, Math.floor((at - x) / width * map.view.channels), cell);
  }

  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  /** Arrow keys go from cell to cell, at first from the middle, and from one map to the other; Escape ends it. */
  function step(event) {
    if (!shown || !(event.key in STEPS || event.key === "Escape")) return;
    event.preventDefault();
    if (event.key === "Escape") {
      cursor = pointed = null;
    } else {
      const [right, up] = STEPS[event.key], within = (value, size) => Math.min(size - 1, Math.max(0, value));
      const from = cursor || { map: 0, x: -right, cell: (cellCount() >> 1) - up };
      const size = (map) => shown.maps[map].view.channels;
      cursor = { map: from.map, x: from.x + right, cell: within(from.cell + up, cellCount()) };
      if (cursor.x >= size(cursor.map) && cursor.map + 1 < shown.maps.length) Object.assign(cursor, { map: cursor.map + 1, x: 0 });
      if (cursor.x < 0 && cursor.map > 0) Object.assign(cursor, { map: cursor.map - 1, x: size(cursor.map - 1) - 1 });
      cursor.x = within(cursor.x, size(cursor.map));
    }
    if (cursor) tell(cursor.map, cursor.x, cursor.cell); else describe();
    draw();
  }

  function fill(list, entries, wanted) {
    list.replaceChildren(...entries.map(([value, label]) => new Option(label, value)));
    list.value = entries.some(([value]) => value === wanted) ? wanted : entries[0][0];
    list.parentElement.hidden = entries.length < 2 && list.dataset.alone === "hidden";
  }

  const unique = (values) => [...new Set(values)];
  const isSameNet = (a, b) => data.results[a].net === data.results[b].net;

  /** The blocks of other runs of the block's net: the same tensor, layer and label of the snapshot. */
  const otherRuns = (block) => data.blocks.filter((b) => b.result !== block.result && isSameNet(b.result, block.result) &&
    b.tensor === block.tensor && b.layer === block.layer && labelOf(b) === labelOf(block));

  /** Offers what there is: snapshots of the result, tensors of the snapshot, layers of the tensor; keeps what was chosen where
   *  it can. Returns the blocks: the chosen one, the one beside it or null, those of a band. */
  function offer(wanted) {
    fill(select.result, unique(data.blocks.map((b) => b.result)).map((r) => [String(r), data.results[r].name]), wanted.result);
    const result = Number(select.result.value);
    let blocks = data.blocks.filter((block) => block.result === result);
    const snapshots = unique(blocks.map((b) => String(b.snapshot)));
    fill(select.snapshot, [...snapshots].sort((a, b) => a - b).map((s) => [s, data.results[result].snapshots[s]]),
         snapshots.includes(wanted.snapshot) ? wanted.snapshot : snapshots[0]);
    blocks = blocks.filter((block) => String(block.snapshot) === select.snapshot.value);
    fill(select.tensor, unique(blocks.map((b) => b.tensor)).map((t) => [t, t.replaceAll("_", " ")]), wanted.tensor);
    blocks = blocks.filter((block) => block.tensor === select.tensor.value);
    fill(select.layer, unique(blocks.map(layerOf)).map((name) => [name, name]), wanted.layer);
    const chosen = blocks.find((block) => layerOf(block) === select.layer.value);
    const others = data.blocks.filter((b) => b.tensor === chosen.tensor);
    const places = unique(others.map((b) => `${b.result}:${b.snapshot}`));
    const runs = otherRuns(chosen);
    fill(select.with, [["", "nothing"], ...(runs.length ? [["runs", `${runs.length} other ${runs.length > 1 ? "runs" : "run"} of this net, as a band`]] : []),
      ...places.map((place) => {
        const [r, s] = place.split(":").map(Number);
        return [place, (data.results.length > 1 ? `${data.results[r].name}: ` : "") + data.results[r].snapshots[s]];
      })], wanted.with);
    const beside = others.filter((b) => `${b.result}:${b.snapshot}` === select.with.value);
    if (!beside.length) {
      fill(select.other, [["", ""]], "");
      return { chosen, beside: null, runs: select.with.value === "runs" ? runs : [] };
    }
    // Of another net, the layer that is as deep.
    const alike = beside.find((b) => layerOf(b) === layerOf(chosen)) ||
      beside[Math.round(blocks.indexOf(chosen) / Math.max(1, blocks.length - 1) * (beside.length - 1))];
    fill(select.other, beside.map((b) => [layerOf(b), layerOf(b)]),
         beside.some((b) => layerOf(b) === wanted.other) ? wanted.other : layerOf(alike));
    return { chosen, beside: beside.find((b) => layerOf(b) === select.other.value), runs: [] };
  }

  async function show(wanted, isChosen) {
    const { chosen, beside, runs } = offer(wanted), mine = ++request;
    const blocks = beside ? [chosen, beside] : [chosen];
    const views = await Promise.all([...blocks, ...runs].map(decode));
    if (mine !== request) return;
    const axis = axisOf(views);
    const maps = views.map((view) => ({ view, cells: cellsOn(axis, view), name: nameOf(view.block) }));
    shown = { axis, maps: maps.slice(0, blocks.length), others: maps.slice(blocks.length) };
    cursor = pointed = null;
    draw();
    describe();
    const { view } = shown.maps[0];
    const address = { snapshot: String(chosen.snapshot), tensor: chosen.tensor, layer: layerOf(chosen) };
    if (data.results.length > 1) address.result = String(chosen.result);
    Object.assign(section.dataset, address, {
      channels: chosen.channels, cells: cellCount(), total: view.layer.reduce((a, b) => a + b, 0), maps: shown.maps.length,
      others: shown.others.length, inked: inked(), rendered: Number(section.dataset.rendered || 0) + 1 });
    if (select.with.value) address.with = select.with.value;
    if (beside) address.other = layerOf(beside);
    if (isChosen) history.replaceState(null, "", "#" + new URLSearchParams(address));
  }

  /** How many pixels of the canvas are painted, and a sum that another picture would not have: for tests. */
  function inked() {
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let painted = 0, sum = 0;
    for (let at = 0; at < pixels.length; at += 4)
      if (pixels[at + 3] && pixels[at] + pixels[at + 1] + pixels[at + 2] < 765) {
        ++painted;
        sum = (sum * 31 + pixels[at] + 3 * pixels[at + 1] + 7 * pixels[at + 2] + at) % 1000003;
      }
    return `${painted}:${sum}`;
  }

  const KEYS = ["result", "snapshot", "tensor", "layer", "with", "other"];
  const now = () => Object.fromEntries(KEYS.map((key) => [key, select[key].value]));
  const addressed = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const worstOf = (result) => (data.results[result] || {}).worst;
  /** The choice in another result: the snapshot of the same label, its costliest layer. */
  function inResult(result) {
    const { snapshots } = data.results[result] || { snapshots: {} }, label = select.snapshot.selectedOptions[0].label;
    const same = Object.keys(snapshots).find((s) => snapshots[s] === label);
    return { ...now(), result: String(result), snapshot: same, layer: worstOf(result), other: "" };
  }
  function choose(id) {
    const wanted = id === "result" ? inResult(Number(select.result.value)) : now();
    show(id === "layer" ? { ...wanted, other: "" } : wanted, true);
  }
  for (const id of KEYS) select[id].addEventListener("change", () => choose(id));
  select.order.addEventListener("change", draw);
  canvas.addEventListener("mousemove", hover);
  canvas.addEventListener("mouseleave", () => shown && tellAll());
  canvas.addEventListener("keydown", step);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  window.addEventListener("resize", draw);
  /** Shows what the address says; a layer without the chosen tensor with one that it has. */
  function goToAddress() {
    if (!location.hash.includes("=")) return;
    const wanted = addressed(), isOther = (wanted.result || "0") !== select.result.value;
    const choice = { ...(isOther ? inResult(Number(wanted.result || 0)) : now()), other: "", ...wanted };
    const there = data.blocks.filter((b) => String(b.result) === (wanted.result || "0") && layerOf(b) === choice.layer &&
      (choice.snapshot === undefined || String(b.snapshot) === choice.snapshot));
    if (!wanted.tensor && there.length && !there.some((b) => b.tensor === choice.tensor))
      choice.tensor = (there.find((b) => b.tensor === "output") || there[0]).tensor;
    show(choice, false);
    section.scrollIntoView();
  }
  window.addEventListener("hashchange", goToAddress);
  for (const link of document.querySelectorAll(".net a"))
    link.addEventListener("click", () => link.getAttributeNS("http://www.w3.org/1999/xlink", "href") === location.hash && goToAddress());
  const begun = addressed().result || String(data.blocks[0].result);
  show({ result: begun, tensor: "output", layer: worstOf(Number(begun)), ...addressed() }, false);
})();
