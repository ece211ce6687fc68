"use strict";
// Histograms of a report: packed blocks to arrays, and several of them on one axis of values.
const histograms = (() => {
  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const inflate = async (packed) => new Uint8Array(
    await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());

  /** counts [cell * channels + channel], edges [cell + 1], layer [cell], low and high [channel] or null. */
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

  /** The edges of all views, ascending; one that a view has twice, as around exact zeros, stays twice. */
  function axisOf(views) {
    const times = new Map();
    for (const view of views) {
      const own = new Map();
      for (const edge of view.edges) own.set(edge + 0, (own.get(edge + 0) || 0) + 1);
      for (const [edge, count] of own) times.set(edge, Math.max(count, times.get(edge) || 0));
    }
    return [...times].sort((a, b) => a[0] - b[0]).flatMap(([edge, count]) => Array(count).fill(edge));
  }

  /** The view's cell that holds each cell of the axis, -1 where it has none. */
  function cellsOn(axis, view) {
    let cell = 0;
    return Int32Array.from({ length: axis.length - 1 }, (_, at) => {
      const [low, high] = [axis[at], axis[at + 1]], isPoint = low === high;
      const holds = (c) => view.edges[c] <= low && high <= view.edges[c + 1]
        && (!isPoint || (view.edges[c] === low) === (view.edges[c + 1] === high));
      for (let next = cell; next < view.cells && view.edges[next] <= low; ++next)
        if (holds(next)) return cell = next;
      return -1;
    });
  }

  /** The share of its values that a channel, or with null the whole layer, has in each cell of the axis, by cellsOn(); a cell
   *  of the view that spans several is spread over them. */
  function sharesOf({ view, cells }, channel) {
    const spans = new Float64Array(view.cells);
    for (const cell of cells) if (cell >= 0) ++spans[cell];
    const countOf = (cell) => channel === null ? view.layer[cell] : view.counts[cell * view.channels + channel];
    const total = channel === null ? view.layer.reduce((a, b) => a + b, 0) : view.totals[channel];
    return Float64Array.from(cells, (cell) => cell < 0 || !total ? 0 : countOf(cell) / spans[cell] / total);
  }

  /** Position of a value in cells of the axis, linear inside its cell. */
  function positionOf(axis, value) {
    if (!(value > axis[0])) return 0;
    const cells = axis.length - 1;
    let cell = 0;
    while (cell < cells - 1 && value >= axis[cell + 1]) ++cell;
    const width = axis[cell + 1] - axis[cell];
    const inside = width > 0 && Number.isFinite(width) ? (value - axis[cell]) / width : 0.5;
    return cell + Math.min(1, Math.max(0, inside));
  }

  return { decode, axisOf, cellsOn, sharesOf, positionOf };
})();
