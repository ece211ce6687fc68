"use strict";
// Draws the channel histograms of the chosen block; what is chosen is in the address behind "#", to be linked to.
(() => {
  const data = JSON.parse(document.getElementById("histograms").textContent);
  const section = document.getElementById("picker");
  const canvas = document.getElementById("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const status = document.getElementById("status");
  const select = Object.fromEntries(
    ["snapshot", "tensor", "layer", "order"].map((id) => [id, document.getElementById(id)]));
  const margin = { left: 78, right: 12, top: 26, bottom: 40, gap: 14 };
  const sideWidth = () => Math.min(150, canvas.clientWidth / 5);  // of the whole layer's bars
  const palette = data.colours.match(/.{6}/g).map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  let shown = null;  // the block on the canvas, decoded
  let cursor = null; // the cell that the keys have chosen: its column and cell
  let request = 0;   // a later choice wins over one that is still being decoded

  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const inflate = async (packed) => new Uint8Array(
    await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());

  /** counts [cell * channels + channel], edges [cell + 1], low and high [channel] or null. */
  async function decode(block) {
    const raw = (await inflate(bytes(block.counts))).buffer;
    const counts = new { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[block.bytes](raw);
    const edges = new Float64Array(bytes(block.edges).buffer);
    const ends = block.ends === null ? null : new Float32Array(bytes(block.ends).buffer);
    const { channels, cells } = block;
    const largest = new Float64Array(channels), totals = new Float64Array(channels), layer = new Float64Array(cells);
    for (let cell = 0; cell < cells; ++cell)
      for (let channel = 0; channel < channels; ++channel) {
        const count = counts[cell * channels + channel];
        largest[channel] = Math.max(largest[channel], count);
        totals[channel] += count;
        layer[cell] += count;
      }
    return { block, counts, edges, layer, largest, totals, channels, cells,
             low: ends && ends.subarray(0, channels), high: ends && ends.subarray(channels) };
  }

  function channelOrder(view) {
    const order = Array.from({ length: view.channels }, (_, index) => index);
    if (select.order.value === "width" && view.low)
      order.sort((a, b) => (view.high[a] - view.low[a]) - (view.high[b] - view.low[b]) || a - b);
    return order;
  }

  /** Position of a value in cells, linear inside its cell. */
  function cellOf(view, value) {
    const edges = view.edges;
    if (!(value > edges[0])) return 0;
    let cell = 0;
    while (cell < view.cells - 1 && value >= edges[cell + 1]) ++cell;
    const width = edges[cell + 1] - edges[cell];
    const inside = width > 0 && Number.isFinite(width) ? (value - edges[cell]) / width : 0.5;
    return cell + Math.min(1, Math.max(0, inside));
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

  function image(view, order) {
    const picture = new ImageData(view.channels, view.cells);
    order.forEach((channel, x) => {
      const scale = (palette.length - 1) / Math.log(1 + Math.max(1, view.largest[channel]));
      for (let cell = 0; cell < view.cells; ++cell) {
        const count = view.counts[cell * view.channels + channel];
        const at = 4 * ((view.cells - 1 - cell) * view.channels + x);
        if (count) picture.data.set([...palette[Math.round(scale * Math.log(1 + count))], 255], at);
      }
    });
    const off = document.createElement("canvas");
    off.width = view.channels; off.height = view.cells;
    off.getContext("2d").putImageData(picture, 0, 0);
    return off;
  }

  function box(view) {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    return { x: margin.left, y: margin.top, height: height - margin.top - margin.bottom,
             width: width - margin.left - margin.right - margin.gap - sideWidth(),
             side: width - margin.right - sideWidth(), view };
  }

  function axisTicks(area) {
    const view = area.view, cellHeight = area.height / view.cells;
    const wanted = [];
    for (let edge = 0; edge <= view.cells; ++edge) {
      const value = view.edges[edge];
      if (Number.isInteger(Math.log2(Math.abs(value)))) wanted.push([edge, value]);
    }
    const zero = view.edges.findIndex((value, index) => value === 0 && view.edges[index + 1] >= 0);
    if (zero >= 0 && zero < view.cells) wanted.push([view.edges[zero + 1] === 0 ? zero + 0.5 : zero, 0]);
    context.textAlign = "right"; context.textBaseline = "middle";
    const spread = wanted.sort((a, b) => (a[1] === 0 ? -1 : b[1] === 0 ? 1 : Math.abs(b[1]) - Math.abs(a[1])));
    const taken = [];
    for (const [edge, value] of spread) {
      const y = area.y + area.height - edge * cellHeight;
      if (taken.some((other) => Math.abs(other - y) < 17)) continue;
      taken.push(y);
      context.fillRect(area.x - 4, y - 0.5, 4, 1);
      context.fillText(valueText(value), area.x - 7, y);
    }
  }

  function channelTicks(area) {
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((s) => area.view.channels / s <= area.width / 45) || 5000;
    context.textAlign = "center"; context.textBaseline = "top";
    for (let x = 0; x < area.view.channels; x += step) {
      const at = area.x + (x + 0.5) * area.width / area.view.channels;
      context.fillRect(at - 0.5, area.y + area.height, 1, 4);
      context.fillText(String(x), at, area.y + area.height + 6);
    }
    const name = select.order.value === "width" ? "channel, narrowest first" : "channel";
    context.fillText(name, area.x + area.width / 2, area.y + area.height + 22);
  }

  function ends(area, order) {
    if (!area.view.low) return;
    const columnWidth = area.width / area.view.channels, cellHeight = area.height / area.view.cells;
    context.fillStyle = "#d55e00";
    order.forEach((channel, x) => {
      for (const value of [area.view.low[channel], area.view.high[channel]]) {
        if (Number.isNaN(value)) continue;
        const y = area.y + area.height - cellOf(area.view, value) * cellHeight;
        context.fillRect(area.x + x * columnWidth, y - 1, Math.max(1, columnWidth), 2);
      }
    });
  }

  function layerBars(area) {
    const view = area.view, cellHeight = area.height / view.cells, largest = Math.max(...view.layer);
    context.fillStyle = "#56b4e9";
    view.layer.forEach((count, cell) => {
      const length = sideWidth() * Math.log(1 + count) / Math.log(1 + largest);
      context.fillRect(area.side, area.y + area.height - (cell + 1) * cellHeight, length, Math.max(1, cellHeight - 0.5));
    });
    context.fillStyle = ink();
    context.textAlign = "left"; context.textBaseline = "bottom";
    context.fillText("whole layer", area.side, area.y - 6);
    context.fillRect(area.side, area.y, 1, area.height);
  }

  function draw() {
    if (!shown) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio; canvas.height = canvas.clientHeight * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    context.font = '12px "DejaVu Sans", Arial, sans-serif';
    const area = box(shown), order = channelOrder(shown);
    context.imageSmoothingEnabled = shown.channels > area.width;
    context.drawImage(image(shown, order), area.x, area.y, area.width, area.height);
    ends(area, order);
    context.strokeStyle = "#888"; context.lineWidth = 1;
    context.strokeRect(area.x - 0.5, area.y - 0.5, area.width + 1, area.height + 1);
    context.fillStyle = ink();
    context.textAlign = "left"; context.textBaseline = "bottom";
    context.fillText("value (1)", 8, area.y - 6);
    axisTicks(area);
    channelTicks(area);
    layerBars(area);
    if (!cursor) return;
    const width = area.width / shown.channels, height = area.height / shown.cells;
    context.strokeStyle = ink(); context.lineWidth = 2;
    context.strokeRect(area.x + cursor.x * width, area.y + area.height - (cursor.cell + 1) * height,
                       Math.max(3, width), Math.max(3, height));
  }

  function describe() {
    const { block } = shown;
    const nonfinite = block.nonfinite ? `, ${block.nonfinite.toLocaleString("en")} not finite` : "";
    status.textContent = `${data.layers[block.layer]}, ${block.tensor.replaceAll("_", " ")}, ` +
      `${data.snapshots[block.snapshot]}: ${block.channels} channels, ${block.total.toLocaleString("en")} values${nonfinite}`;
  }

  const valuesOf = (cell) => `values from ${valueText(shown.edges[cell])} to ${valueText(shown.edges[cell + 1])}`;

  /** Says what a cell of the column `x` holds. */
  function tell(x, cell) {
    const channel = channelOrder(shown)[x], count = shown.counts[cell * shown.channels + channel];
    const range = shown.low ? `; range ${valueText(shown.low[channel])} to ${valueText(shown.high[channel])}` : "";
    status.textContent = `channel ${channel}, ${valuesOf(cell)}: ${count.toLocaleString("en")} of ` +
      `${shown.totals[channel].toLocaleString("en")}${range}`;
  }

  function hover(event) {
    if (!shown) return;
    const area = box(shown), frame = canvas.getBoundingClientRect();
    const x = Math.floor((event.clientX - frame.left - area.x) / area.width * shown.channels);
    const cell = Math.floor((area.y + area.height - (event.clientY - frame.top)) / area.height * shown.cells);
    if (cell < 0 || cell >= shown.cells) return describe();
    if (event.clientX - frame.left >= area.side) {
      status.textContent = `whole layer, ${valuesOf(cell)}: ${shown.layer[cell].toLocaleString("en")} of ` +
        shown.block.total.toLocaleString("en");
    } else if (x >= 0 && x < shown.channels) {
      tell(x, cell);
    } else {
      describe();
    }
  }

  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  /** Arrow keys go from cell to cell, at first from the middle; Escape ends it. */
  function step(event) {
    if (!shown || !(event.key in STEPS || event.key === "Escape")) return;
    event.preventDefault();
    if (event.key === "Escape") {
      cursor = null;
    } else {
      const [right, up] = STEPS[event.key], from = cursor || { x: -right, cell: (shown.cells >> 1) - up };
      const within = (value, size) => Math.min(size - 1, Math.max(0, value));
      cursor = { x: within(from.x + right, shown.channels), cell: within(from.cell + up, shown.cells) };
    }
    draw();
    if (cursor) tell(cursor.x, cursor.cell); else describe();
  }

  function fill(list, entries, wanted) {
    list.replaceChildren(...entries.map(([value, label]) => new Option(label, value)));
    list.value = entries.some(([value]) => value === wanted) ? wanted : entries[0][0];
  }

  /** Offers what there is: tensors of the snapshot, layers of the tensor; keeps what was chosen where it can. */
  function offer(wanted) {
    const unique = (values) => [...new Set(values)];
    fill(select.snapshot, Object.entries(data.snapshots).sort((a, b) => a[0] - b[0]), wanted.snapshot);
    let blocks = data.blocks.filter((block) => String(block.snapshot) === select.snapshot.value);
    fill(select.tensor, unique(blocks.map((b) => b.tensor)).map((t) => [t, t.replaceAll("_", " ")]), wanted.tensor);
    blocks = blocks.filter((block) => block.tensor === select.tensor.value);
    fill(select.layer, unique(blocks.map((b) => b.layer)).map((l) => [data.layers[l], data.layers[l]]), wanted.layer);
    return blocks.find((block) => data.layers[block.layer] === select.layer.value);
  }

  async function show(wanted, isChosen) {
    const block = offer(wanted), mine = ++request;
    const view = await decode(block);
    if (mine !== request) return;
    shown = view;
    cursor = null;
    draw();
    describe();
    const chosen = { snapshot: String(block.snapshot), tensor: block.tensor, layer: data.layers[block.layer] };
    Object.assign(section.dataset, chosen, {
      channels: block.channels, cells: block.cells, total: view.layer.reduce((a, b) => a + b, 0),
      inked: inked(), rendered: Number(section.dataset.rendered || 0) + 1 });
    if (isChosen) history.replaceState(null, "", "#" + new URLSearchParams(chosen));
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

  const now = () => ({ snapshot: select.snapshot.value, tensor: select.tensor.value, layer: select.layer.value });
  const addressed = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const start = { snapshot: String(data.blocks[0].snapshot), tensor: "output", layer: data.worst, ...addressed() };
  for (const id of ["snapshot", "tensor", "layer"]) select[id].addEventListener("change", () => show(now(), true));
  select.order.addEventListener("change", draw);
  canvas.addEventListener("mousemove", hover);
  canvas.addEventListener("mouseleave", () => shown && describe());
  canvas.addEventListener("keydown", step);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  window.addEventListener("resize", draw);
  window.addEventListener("hashchange", () => location.hash.includes("=") && show({ ...now(), ...addressed() }, false));
  show(start, false);
})();
