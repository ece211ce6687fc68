#include "stats/counts/log_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "framework/base/error.h"
#include "stats/kernels/kernels.h"

namespace quantdyn {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float missing = std::numeric_limits<float>::quiet_NaN();

void check(const LogBins& bins) {
  if (bins.mantissa_bits < 0 || bins.mantissa_bits > 10)
    throw_error("histogram: {} mantissa bits; accepted: from 0 to 10", bins.mantissa_bits);
  if (bins.lowest_exponent < -126 || bins.lowest_exponent > 127 - LogBins::octaves)
    throw_error("histogram: lowest exponent {}; accepted: from -126 to {}", bins.lowest_exponent,
                127 - LogBins::octaves);
}

}  // namespace

double LogBins::magnitude_from(int32_t from_zero) const {
  if (from_zero <= 1) return 0;
  if (from_zero > per_sign() + 2) return HUGE_VAL;
  const int32_t step = from_zero - 2;
  const int32_t steps = 1 << mantissa_bits;
  return std::ldexp(1.0 + static_cast<double>(step % steps) / steps,
                    lowest_exponent + step / steps);
}

double LogBins::magnitude_to(int32_t from_zero) const {
  if (from_zero == 0) return 0;
  if (from_zero == per_sign() + 2) return std::numeric_limits<float>::max();
  return magnitude_from(from_zero + 1);
}

double LogBins::lower(int32_t bin) const {
  if (bin == nan()) return missing;
  return bin < zero() ? -magnitude_to(zero() - bin) : magnitude_from(bin - zero());
}

double LogBins::upper(int32_t bin) const {
  if (bin == nan()) return missing;
  return bin < zero() ? -magnitude_from(zero() - bin) : magnitude_to(bin - zero());
}

LogHistogram::LogHistogram(LogBins bins) : bins_(bins), minimum_(infinity), maximum_(-infinity) {
  check(bins);
  counts_.resize(static_cast<size_t>(bins.size()));
}

LogHistogram::LogHistogram(LogBins bins, std::span<const uint64_t> counts, float minimum,
                           float maximum)
    : LogHistogram(bins) {
  if (counts.size() != counts_.size())
    throw_error("histogram: {} counts for {} bins", counts.size(), counts_.size());
  std::ranges::copy(counts, counts_.begin());
  if (count() == 0) return;
  minimum_ = minimum;
  maximum_ = maximum;
}

void LogHistogram::add_block(const float* values, int64_t rows, int64_t columns) {
  const Tile tile{.values = values,
                  .rows = rows,
                  .channels = columns,
                  .row_stride = columns,
                  .first_row = 0,
                  .first_channel = 0,
                  .chunk = 0,
                  .worker = 0};
  kernels::count_bins(tile, bins_, counts_.data(), 0);
  kernels::widen_range(values, rows * columns, minimum_, maximum_);
}

void LogHistogram::add(std::span<const float> values) {
  constexpr int64_t columns = 16;  // the kernel's vectors run over columns
  const int64_t whole = static_cast<int64_t>(values.size()) / columns * columns;
  add_block(values.data(), whole / columns, columns);
  add_block(values.data() + whole, 1, static_cast<int64_t>(values.size()) - whole);
}

void LogHistogram::add(const Tile& tile) {
  if (tile.row_stride == tile.channels)
    return add(std::span(tile.values, static_cast<size_t>(tile.rows * tile.channels)));
  for (int64_t row = 0; row < tile.rows; ++row)
    add(std::span(tile.values + row * tile.row_stride, static_cast<size_t>(tile.channels)));
}

void LogHistogram::merge(const LogHistogram& other) {
  if (bins_ != other.bins_)
    throw_error(
        "histogram: cannot merge {} mantissa bits from 2^{} with {} from 2^{}; they must be equal",
        bins_.mantissa_bits, bins_.lowest_exponent, other.bins_.mantissa_bits,
        other.bins_.lowest_exponent);
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  minimum_ = std::min(minimum_, other.minimum_);
  maximum_ = std::max(maximum_, other.maximum_);
}

uint64_t LogHistogram::count() const {
  return std::accumulate(counts_.begin(), counts_.end() - 1, uint64_t{0});
}

float LogHistogram::minimum() const { return minimum_ > maximum_ ? missing : minimum_; }
float LogHistogram::maximum() const { return minimum_ > maximum_ ? missing : maximum_; }

LogHistogram::Quantile LogHistogram::quantile(double fraction) const {
  if (!(fraction >= 0 && fraction <= 1))
    throw_error("histogram: quantile of fraction {}; accepted: from 0 to 1", fraction);
  const uint64_t total = count();
  if (total == 0) return {missing, missing, missing};
  const double target = fraction * static_cast<double>(total);
  uint64_t below = 0;
  int32_t bin = 0;
  while (counts_[bin] == 0 || static_cast<double>(below + counts_[bin]) < target)
    below += counts_[bin++];
  const double lower = std::max<double>(bins_.lower(bin), minimum_);
  const double upper = std::min<double>(bins_.upper(bin), maximum_);
  if (lower == upper) return {lower, lower, upper};  // also for infinities, which have no inside
  const double inside = (target - static_cast<double>(below)) / static_cast<double>(counts_[bin]);
  return {std::lerp(lower, upper, inside), lower, upper};
}

}  // namespace quantdyn
