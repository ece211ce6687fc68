#include "quant/training/code_changes.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "framework/base/threads.h"

namespace quantdyn {
namespace {

/// By code - first_code(): the number of levels below its own; empty if codes ascend anyway.
std::vector<int32_t> places_of(const Quantization& quantization) {
  if (quantization.affine(0)) return {};
  const std::vector<float> levels = quantization.levels(0);
  std::vector<float> sorted;
  std::ranges::copy_if(levels, std::back_inserter(sorted), [](float x) { return !std::isnan(x); });
  if (std::ranges::is_sorted(sorted)) return {};
  std::ranges::sort(sorted);
  std::vector<int32_t> out;
  for (const float level : levels)  // the place of a NaN is never used
    out.push_back(static_cast<int32_t>(std::ranges::lower_bound(sorted, level) - sorted.begin()));
  return out;
}

}  // namespace

CodeChanges::CodeChanges(const Quantization& quantization, int64_t rows, int64_t channels)
    : rows_(rows),
      channels_(channels),
      first_code_(quantization.first_code()),
      places_(places_of(quantization)),
      direction_(static_cast<size_t>(rows * channels)),
      changes_(static_cast<size_t>(channels)),
      oscillations_(static_cast<size_t>(channels)) {}

void CodeChanges::add(const Quantization& quantization, const Tile& weight,
                      const float* quantized) {
  const bool is_first = last_.empty();
  if (is_first) last_.resize(static_cast<size_t>(rows_ * channels_));
  scales_.clear();
  for (int64_t c = 0; c < channels_; ++c)
    if (const auto affine = quantization.affine(quantization.entry_of(c)))
      scales_.push_back(affine->scale);
  std::vector<Worker> workers(static_cast<size_t>(worker_count()));
  const int64_t tile_rows = std::min(rows_, rows_per_tile(channels_));
  parallel_for((rows_ + tile_rows - 1) / tile_rows, [&](int64_t tile, int index) {
    Worker& worker = workers[static_cast<size_t>(index)];
    worker.now.resize(static_cast<size_t>(tile_rows * channels_));
    const int64_t row = tile * tile_rows, rows = std::min(tile_rows, rows_ - row);
    if (scales_.empty())
      take_places(quantization, weight, row, rows, worker.now.data());
    else
      take_multiples(quantized + row * channels_, rows, worker.now.data());
    if (is_first)
      std::copy_n(worker.now.begin(), rows * channels_, last_.begin() + row * channels_);
    else
      compare(row, rows, worker);
  });
  for (const Worker& worker : workers)
    for (size_t c = 0; c < worker.changes.size(); ++c) {
      changes_[c] += worker.changes[c];
      oscillations_[c] += worker.oscillations[c];
    }
  steps_ += is_first ? 0 : 1;
}

/// Far cheaper than codes(), and exact: a value is off its multiple by a few 2^-24 of at most 2^16.
void CodeChanges::take_multiples(const float* quantized, int64_t rows, int32_t* to) const {
  const int64_t channels = channels_;
  const float* __restrict const scale = scales_.data();
  for (int64_t row = 0; row < rows; ++row) {
    const float* __restrict const values = quantized + row * channels;
    int32_t* __restrict const now = to + row * channels;
    for (int64_t c = 0; c < channels; ++c) {
      const float multiple = values[c] / scale[c];
      const float away = multiple + std::copysign(0.5f, multiple);
      const bool is_number = std::abs(away) < 1e9f;
      const auto code = static_cast<int32_t>(is_number ? away : 0.0f);
      now[c] = is_number ? code : no_code;
    }
  }
}

void CodeChanges::take_places(const Quantization& quantization, const Tile& weight, int64_t row,
                              int64_t rows, int32_t* now) const {
  Tile tile = weight;
  tile.values += row * weight.row_stride;
  tile.first_row += row;
  tile.rows = rows;
  quantization.codes(tile, now);
  if (places_.empty()) return;
  for (int32_t& code : std::span(now, static_cast<size_t>(rows * channels_)))
    code = code == no_code ? no_code : places_[static_cast<size_t>(code - first_code_)];
}

void CodeChanges::compare(int64_t first_row, int64_t rows, Worker& worker) {
  const int64_t channels = channels_;  // not a member in the loops: stores could alias it
  worker.tile_changes.assign(static_cast<size_t>(channels), 0);
  worker.tile_oscillations.assign(static_cast<size_t>(channels), 0);
  worker.changes.resize(static_cast<size_t>(channels));
  worker.oscillations.resize(static_cast<size_t>(channels));
  int32_t* __restrict const changes = worker.tile_changes.data();
  int32_t* __restrict const oscillations = worker.tile_oscillations.data();
  for (int64_t row = 0; row < rows; ++row) {
    const int32_t* __restrict const now = worker.now.data() + row * channels;
    int32_t* __restrict const last = last_.data() + (first_row + row) * channels;
    int8_t* __restrict const direction = direction_.data() + (first_row + row) * channels;
    for (int64_t c = 0; c < channels; ++c) {
      const int32_t way = (now[c] > last[c]) - (now[c] < last[c]);
      const int32_t before = direction[c];  // NOLINT(bugprone-signed-char-misuse): -1, 0 or 1
      const int32_t is_change = way != 0;
      changes[c] += is_change;
      oscillations[c] += is_change & static_cast<int32_t>(way + before == 0);
      direction[c] = static_cast<int8_t>(way + (1 - is_change) * before);
      last[c] = now[c];
    }
  }
  for (int64_t c = 0; c < channels; ++c) {
    worker.changes[c] += static_cast<uint64_t>(changes[c]);
    worker.oscillations[c] += static_cast<uint64_t>(oscillations[c]);
  }
}

void CodeChanges::save(Frame& frame, const std::string& tensor, int64_t node) const {
  const auto put = [&](const Quantity& quantity, const std::vector<uint64_t>& counts) {
    const auto share = [&](uint64_t count, int64_t weights) {
      const uint64_t all = static_cast<uint64_t>(weights) * steps_;
      return all == 0 ? NAN : static_cast<double>(count) / static_cast<double>(all);
    };
    uint64_t layer = 0;
    std::vector<double> values;
    for (const uint64_t count : counts) {
      layer += count;
      values.push_back(share(count, rows_));
    }
    frame.channel(tensor, quantity, node, std::span<const double>(values));
    frame.layer(tensor, quantity, node, share(layer, rows_ * channels_));
  };
  put({.name = "code_change_rate",
       .units = "1",
       .long_name =
           "share of weights times training steps whose code is not the step before's, since the "
           "variant's snapshot before",
       .formula =
           "(1/(N T)) sum_t sum_i [k_i(t) != k_i(t-1)], k = code - zero_point (Nagel et al. 2022, "
           "arXiv 2203.08086)"},
      changes_);
  put({.name = "oscillation_rate",
       .units = "1",
       .long_name = "share of weights times training steps whose code changes against its last "
                    "change, since "
                    "the variant's snapshot before",
       .formula =
           "(1/(N T)) sum_t sum_i [sign(k_i(t) - k_i(t-1)) = -sign(k_i(s) - k_i(s-1)) != 0], s the "
           "weight's last change before t (Nagel et al. 2022, arXiv 2203.08086)"},
      oscillations_);
}

void CodeChanges::visit_state(StateVisitor state) {
  bool has_begun = !last_.empty();
  state.visit("has_begun", has_begun);
  if (state.is_loading() && has_begun) last_.resize(static_cast<size_t>(rows_ * channels_));
  if (has_begun) state.visit_fixed("last", last_);
  state.visit_fixed("direction", direction_);
  state.visit_fixed("changes", changes_);
  state.visit_fixed("oscillations", oscillations_);
  state.visit("steps", steps_);
}

void CodeChanges::start() {
  std::ranges::fill(changes_, 0);
  std::ranges::fill(oscillations_, 0);
  steps_ = 0;
}

}  // namespace quantdyn
