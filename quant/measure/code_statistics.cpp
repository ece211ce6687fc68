#include "quant/measure/code_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

/// Beyond it a float holds too few digits after a code's point.
constexpr int32_t farthest_zero = 1 << 16;

/// Calls work(channel, row) for the places of a tile, a channel's rows in order. Some rows of one
/// channel follow each other, as its cells fill a cache.
template <typename Work>
void for_places(const Tile& tile, const Work& work) {
  constexpr int64_t rows_at_once = 128;
  for (int64_t first = 0; first < tile.rows; first += rows_at_once)
    for (int64_t c = 0; c < tile.channels; ++c)
      for (int64_t r = first; r < std::min(first + rows_at_once, tile.rows); ++r) work(c, r);
}

}  // namespace

void CodeStatistics::Cell::add(const Cell& other) {
  for (size_t side : {0, 1}) {
    offsets[side] += other.offsets[side];
    in_half[side] += other.in_half[side];
  }
  reference += other.reference;
  quantized += other.quantized;
}

CodeStatistics::Entry CodeStatistics::entry_of_levels(const std::vector<float>& levels) {
  Entry out;
  std::vector<double> finite;
  for (float level : levels) {
    out.is_given.push_back(!std::isnan(level));
    out.is_finite.push_back(std::isfinite(level));
    if (std::isfinite(level)) finite.push_back(level);
  }
  std::ranges::sort(finite);
  for (size_t i = 0; i < finite.size(); ++i) {
    const double next = i + 1 < finite.size() ? finite[i + 1] : finite[i];
    const double half = (next - finite[i]) / 2;
    out.gaps.push_back({{finite[i], finite[i] + half}, half > 0 ? parts_of_half / half : 0});
  }
  for (float level : levels) {  // an infinite level takes the place of the nearest finite one
    const auto place =
        std::ranges::lower_bound(finite, static_cast<double>(level)) - finite.begin();
    out.level.push_back(static_cast<int32_t>(std::min<int64_t>(place, std::ssize(finite) - 1)));
  }
  return out;
}

CodeStatistics::CodeStatistics(const Quantization& quantization, int64_t channels, int workers)
    : quantization_(quantization),
      channels_(channels),
      codes_(int64_t{1} << quantization.bit_width()),
      workers_(static_cast<size_t>(workers)) {
  for (int64_t i = 0; i < quantization.entries(); ++i)
    entries_.push_back(entry_of_levels(quantization.levels(i)));
  for (int64_t c = 0; c < channels; ++c) by_channel_.push_back(&entries_[quantization.entry_of(c)]);
  for (int64_t c = 0; c < channels; ++c) {
    const auto affine = quantization.affine(quantization.entry_of(c));
    if (!affine || std::abs(affine->zero_point) > farthest_zero) {
      per_unit_.clear();
      return;
    }
    per_unit_.push_back(1 / affine->scale);
    zero_.push_back(static_cast<float>(affine->zero_point - quantization.first_code()));
  }
}

CodeStatistics::Worker& CodeStatistics::open(int worker) {
  Worker& mine = workers_[worker];
  if (mine.cells.empty()) {
    const auto channels = static_cast<size_t>(channels_);
    mine.cells.resize(static_cast<size_t>(channels_ * codes_));
    mine.uncoded_quantized.resize(channels);
    mine.references.resize(channels);
    mine.quantizeds.resize(channels);
    mine.tails.resize(channels);
  }
  return mine;
}

const int32_t* CodeStatistics::codes_of(const Tile& tile, Worker& mine) const {
  if (!knows_levels()) {
    mine.codes.resize(static_cast<size_t>(tile.rows * tile.channels));
    quantization_.codes(tile, mine.codes.data());
    return mine.codes.data();
  }
  mine.quantized.resize(static_cast<size_t>(tile.rows * tile.channels));
  for (int64_t r = 0; r < tile.rows; ++r)
    std::copy_n(tile.values + r * tile.row_stride, tile.channels,
                mine.quantized.data() + r * tile.channels);
  MutableTile q{.values = mine.quantized.data(),
                .rows = tile.rows,
                .channels = tile.channels,
                .row_stride = tile.channels,
                .first_row = tile.first_row,
                .first_channel = tile.first_channel,
                .chunk = tile.chunk,
                .worker = tile.worker};
  quantization_.apply(q);
  return codes_of_levels(q, mine);
}

/// Levels lie on whole codes up to rounding errors, which at so few bits are far below one half.
const int32_t* CodeStatistics::codes_of_levels(const Tile& q, Worker& mine) const {
  mine.codes.resize(static_cast<size_t>(q.rows * q.channels));
  const float* const per_unit = per_unit_.data() + q.first_channel;
  const float* const zero = zero_.data() + q.first_channel;
  const int32_t first = quantization_.first_code();
  for (int64_t r = 0; r < q.rows; ++r) {
    const float* const from = q.values + r * q.row_stride;
    int32_t* const to = mine.codes.data() + r * q.channels;
    for (int64_t c = 0; c < q.channels; ++c) {
      const float place = from[c] * per_unit[c] + zero[c] + 0.5f;
      const bool is_number = place == place;
      to[c] = is_number ? static_cast<int32_t>(is_number ? place : 0) + first : no_code;
    }
  }
  return mine.codes.data();
}

void CodeStatistics::add(const Tile& z) { add_codes(z, codes_of(z, open(z.worker))); }

void CodeStatistics::add_levels(const Tile& q) { add_codes(q, codes_of_levels(q, open(q.worker))); }

void CodeStatistics::add_codes(const Tile& tile, const int32_t* codes) {
  Worker& mine = open(tile.worker);
  const int32_t first = quantization_.first_code();
  Cell* const cells = mine.cells.data() + tile.first_channel * codes_;
  for_places(tile, [&](int64_t c, int64_t r) {
    const int32_t code = codes[r * tile.channels + c];
    if (code != no_code)
      ++cells[c * codes_ + code - first].quantized;
    else
      ++mine.uncoded_quantized[tile.first_channel + c];
  });
  for (int64_t c = 0; c < tile.channels; ++c) mine.quantizeds[tile.first_channel + c] += tile.rows;
}

/// From a level near by: that under x, or -1.
int32_t CodeStatistics::search(double x, int32_t level, const Gap* gaps, int32_t last) {
  while (level < last && x >= gaps[level + 1].begins[0]) ++level;
  while (level >= 0 && x < gaps[level].begins[0]) --level;
  return level;
}

inline void CodeStatistics::locate(double x, int32_t level, const Entry& entry, Cell* cells,
                                   Tails& tails) {
  const Gap* const gaps = entry.gaps.data();
  const auto last = static_cast<int32_t>(entry.gaps.size()) - 1;
  // Mostly the value lies in a gap beside its level, as often on one side as on the other: a
  // processor could not guess which.
  level -= x < gaps[level].begins[0] ? 1 : 0;
  if (level < 0 || level == last || x < gaps[level].begins[0] || x >= gaps[level + 1].begins[0])
    level = search(x, std::max(level, 0), gaps, last);
  if (level < 0) {
    ++tails.below;
    tails.below_excess += gaps[0].begins[0] - x;
  } else if (level == last) {
    ++tails.above;
    tails.above_excess += x - gaps[last].begins[0];
  } else {
    const Gap& gap = gaps[level];
    const int is_upper = x >= gap.begins[1] ? 1 : 0;
    const double parts = (x - gap.begins[is_upper]) * gap.parts_per_unit;
    // NOLINTNEXTLINE(bugprone-incorrect-roundings): never negative; this runs for each value.
    cells[level].offsets[is_upper] += static_cast<int64_t>(parts + 0.5);
    ++cells[level].in_half[is_upper];
  }
}

void CodeStatistics::add_reference(const Tile& x) {
  Worker& mine = open(x.worker);
  const int32_t* const codes = codes_of(x, mine);
  const int32_t first = quantization_.first_code();
  for_places(x, [&](int64_t c, int64_t r) {
    const int64_t channel = x.first_channel + c;
    const double value = x.values[r * x.row_stride + c];
    const int32_t code = codes[r * x.channels + c];
    if (code == no_code) {
      mine.tails[channel].below_excess += value;  // a NaN
      return;
    }
    Cell* const cells = mine.cells.data() + channel * codes_;
    const Entry& own = *by_channel_[channel];
    ++cells[code - first].reference;
    locate(value, own.level[code - first], own, cells, mine.tails[channel]);
  });
  for (int64_t c = 0; c < x.channels; ++c) mine.references[x.first_channel + c] += x.rows;
}

void CodeStatistics::end_reference_chunk(int64_t chunk, int worker) {
  Worker& mine = workers_[worker];
  if (mine.tails.empty()) return;
  mine.tree.add(chunk, mine.tails, merge);
  std::ranges::fill(mine.tails, Tails{});
}

void CodeStatistics::merge(std::vector<Tails>& left, std::vector<Tails>&& right) {
  for (size_t c = 0; c < left.size(); ++c) {
    left[c].below += right[c].below;
    left[c].below_excess += right[c].below_excess;
    left[c].above += right[c].above;
    left[c].above_excess += right[c].above_excess;
  }
}

std::vector<CodeStatistics::Tails> CodeStatistics::finish_tails() {
  auto& tree = workers_.front().tree;
  for (size_t worker = 1; worker < workers_.size(); ++worker)
    tree.absorb(std::move(workers_[worker].tree), merge);
  return tree.empty() ? std::vector<Tails>(static_cast<size_t>(channels_)) : tree.finish(merge);
}

CodeStatistics::Total CodeStatistics::empty_total(const Entry& entry) const {
  const auto levels = entry.gaps.size(), codes = static_cast<size_t>(codes_);
  Total out;
  out.counts = {std::vector<double>(codes), std::vector<double>(codes)};
  for (const Gap& gap : entry.gaps) out.gaps.levels.push_back(gap.begins[0]);
  out.gaps.halves.resize(2 * (levels - 1));
  out.gaps.quantized.resize(levels);
  out.gaps.offset_rounding = 0.5 / parts_of_half;
  out.is_given = entry.is_given;
  return out;
}

void CodeStatistics::require_countable(int64_t channel) const {
  uint64_t references = 0, quantizeds = 0;
  for (const Worker& worker : workers_) {
    if (worker.cells.empty()) continue;
    references += worker.references[channel];
    quantizeds += worker.quantizeds[channel];
  }
  if (std::max(references, quantizeds) > std::numeric_limits<uint32_t>::max())
    throw_error("code statistics: a channel has {} values; accepted: at most 2^32 - 1",
                std::max(references, quantizeds));
}

CodeStatistics::Total CodeStatistics::total_of(int64_t channel, const Tails& tails) const {
  require_countable(channel);
  const Entry& own = *by_channel_[channel];
  Total out = empty_total(own);
  std::vector<Cell> cells(static_cast<size_t>(codes_));
  for (const Worker& worker : workers_) {
    if (worker.cells.empty()) continue;
    out.has_uncoded = out.has_uncoded || worker.uncoded_quantized[channel] > 0;
    for (int64_t k = 0; k < codes_; ++k) cells[k].add(worker.cells[channel * codes_ + k]);
  }
  for (size_t k = 0; k < cells.size(); ++k) {
    out.counts.reference[k] = cells[k].reference;
    out.counts.quantized[k] = cells[k].quantized;
    (own.is_finite[k] ? out.gaps.quantized[own.level[k]] : out.gaps.infinite) += cells[k].quantized;
  }
  for (size_t i = 0; i < out.gaps.halves.size(); ++i)
    if (const Cell& cell = cells[i / 2]; cell.in_half[i % 2] > 0)
      out.gaps.halves[i] = {
          static_cast<double>(cell.in_half[i % 2]),
          static_cast<double>(cell.offsets[i % 2]) / own.gaps[i / 2].parts_per_unit};
  out.gaps.below = tails.below;
  out.gaps.below_excess = tails.below_excess;
  out.gaps.above = tails.above;
  out.gaps.above_excess = tails.above_excess;
  return out;
}

void CodeStatistics::add(Total& to, const Total& from) {
  for (size_t k = 0; k < to.is_given.size(); ++k) {
    to.counts.reference[k] += from.counts.reference[k];
    to.counts.quantized[k] += from.counts.quantized[k];
    to.is_given[k] = to.is_given[k] || from.is_given[k];
  }
  to.has_uncoded = to.has_uncoded || from.has_uncoded;
  if (to.gaps.levels != from.gaps.levels) return;  // the gaps of channels that share theirs
  for (size_t i = 0; i < to.gaps.halves.size(); ++i) {
    to.gaps.halves[i].count += from.gaps.halves[i].count;
    to.gaps.halves[i].offsets += from.gaps.halves[i].offsets;
  }
  for (size_t i = 0; i < to.gaps.quantized.size(); ++i)
    to.gaps.quantized[i] += from.gaps.quantized[i];
  to.gaps.below += from.gaps.below;
  to.gaps.below_excess += from.gaps.below_excess;
  to.gaps.above += from.gaps.above;
  to.gaps.above_excess += from.gaps.above_excess;
  to.gaps.infinite += from.gaps.infinite;
}

Distance CodeStatistics::distance_of(const Total& total) {
  return total.has_uncoded ? Distance{NAN, NAN} : wasserstein(total.gaps);
}

namespace {

const std::vector<Quantity> quantities{
    {.name = "code_entropy",
     .units = "bit",
     .long_name = "entropy of the codes used",
     .formula = "-sum_k r_k log2 r_k (Shannon 1948)"},
    {.name = "dead_codes",
     .units = "1",
     .long_name = "codes that the quantizer gives but no value has"},
    {.name = "code_occupancy",
     .units = "1",
     .long_name = "share of the codes that the quantizer gives which some value has"},
    {.name = "cell_kl",
     .units = "nat",
     .long_name = "Kullback-Leibler distance of float and quantized values by code",
     .formula = "sum_k p_k ln(p_k / r_k) (Kullback & Leibler 1951)"},
    {.name = "cell_kl_missing",
     .units = "1",
     .long_name = "share of float values whose code no quantized value has",
     .formula = "sum p_k over r_k = 0"},
    {.name = "cell_js",
     .units = "bit",
     .long_name = "Jensen-Shannon divergence of float and quantized values by code",
     .formula = "sum_k (p_k log2(p_k / m_k) + r_k log2(r_k / m_k)) / 2, m = (p + r) / 2 (Lin 1991, "
                "eq. 4.1)"},
    {.name = "wasserstein",
     .units = "1",
     .long_name = "1-Wasserstein distance of float and quantized values",
     .formula = "integral |F_x - F_q| (Vallender 1974)"},
    {.name = "wasserstein_uncertainty",
     .units = "1",
     .long_name = "the Wasserstein distance is exact to within this"}};

/// In the order of `quantities`.
std::vector<double> values_of(const CodeCounts& counts, const std::vector<char>& is_given,
                              const Distance& distance) {
  double given = 0, used = 0, values = 0;
  for (size_t k = 0; k < is_given.size(); ++k) {
    given += is_given[k];
    used += counts.quantized[k] > 0;
    values += counts.quantized[k];
  }
  const CellDivergence cells = cell_divergence(counts);
  return {code_entropy(counts.quantized),
          values > 0 ? given - used : NAN,
          values > 0 ? used / given : NAN,
          cells.kl,
          cells.missing,
          cells.js,
          distance.value,
          distance.uncertainty};
}

}  // namespace

void CodeStatistics::save(Frame& frame, const std::string& tensor, int64_t node) {
  const std::vector<Tails> tails = finish_tails();
  std::vector<std::vector<double>> by_quantity(quantities.size());
  Total layer = empty_total(entries_.front());
  Distance mean{0, 0};  // of the channels, by their values
  double weights = 0;
  for (int64_t c = 0; c < channels_; ++c) {
    const Total total = total_of(c, tails[c]);
    const Distance distance = distance_of(total);
    const std::vector<double> values = values_of(total.counts, total.is_given, distance);
    for (size_t i = 0; i < values.size(); ++i) by_quantity[i].push_back(values[i]);
    const double weight =
        std::accumulate(total.counts.reference.begin(), total.counts.reference.end(), 0.0);
    weights += weight;
    mean.value += weight * distance.value;
    mean.uncertainty += weight * distance.uncertainty;
    add(layer, total);
  }
  const Distance distance = entries_.size() == 1
                                ? distance_of(layer)
                                : Distance{mean.value / weights, mean.uncertainty / weights};
  const std::vector<double> values = values_of(layer.counts, layer.is_given, distance);
  for (size_t i = 0; i < quantities.size(); ++i) {
    frame.channel(tensor, quantities[i], node, std::span<const double>(by_quantity[i]));
    frame.layer(tensor, quantities[i], node, values[i]);
  }
}

}  // namespace quantdyn
