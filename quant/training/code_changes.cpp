#include "quant/training/code_changes.h"

#include <algorithm>
#include <cmath>
#include <span>

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
  const int64_t tile_rows = std::min(rows_, rows_per_tile(channels_));
  now_.resize(static_cast<size_t>(tile_rows * channels_));
  for (int64_t row = 0; row < rows_; row += tile_rows) {
    const int64_t rows = std::min(tile_rows, rows_ - row);
    if (scales_.empty())
      take_places(quantization, weight, row, rows);
    else
      take_multiples(quantized + row * channels_, rows);
    if (is_first)
      std::copy_n(now_.begin(), rows * channels_, last_.begin() + row * channels_);
    else
      compare(row, rows);
  }
  steps_ += is_first ? 0 : 1;
}

/// Far cheaper than codes(), and exact: a value is off its multiple by a few 2^-24 of at most 2^16.
void CodeChanges::take_multiples(const float* quantized, int64_t rows) {
  const int64_t channels = channels_;
  const float* __restrict const scale = scales_.data();
  for (int64_t row = 0; row < rows; ++row) {
    const float* __restrict const values = quantized + row * channels;
    int32_t* __restrict const now = now_.data() + row * channels;
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
                              int64_t rows) {
  Tile tile = weight;
  tile.values += row * weight.row_stride;
  tile.first_row += row;
  tile.rows = rows;
  quantization.codes(tile, now_.data());
  if (places_.empty()) return;
  for (int32_t& code : std::span(now_.data(), static_cast<size_t>(rows * channels_)))
    code = code == no_code ? no_code : places_[static_cast<size_t>(code - first_code_)];
}

void CodeChanges::compare(int64_t first_row, int64_t rows) {
  const int64_t channels = channels_;  // not a member in the loops: stores could alias it
  tile_changes_.assign(static_cast<size_t>(channels), 0);
  tile_oscillations_.assign(static_cast<size_t>(channels), 0);
  int32_t* __restrict const changes = tile_changes_.data();
  int32_t* __restrict const oscillations = tile_oscillations_.data();
  for (int64_t row = 0; row < rows; ++row) {
    const int32_t* __restrict const now = now_.data() + row * channels;
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
    changes_[c] += static_cast<uint64_t>(changes[c]);
    oscillations_[c] += static_cast<uint64_t>(oscillations[c]);
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
