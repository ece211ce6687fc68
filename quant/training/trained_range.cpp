#include "quant/training/trained_range.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace quantdyn {
namespace {

/// The outermost levels of an entry.
Ends outermost(const Quantization& quantization, int64_t entry) {
  Ends out{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  for (float level : quantization.levels(entry)) {
    if (!std::isfinite(level)) continue;  // unused codes, infinities of small floats
    out.low = std::min(out.low, level);
    out.high = std::max(out.high, level);
  }
  return out;
}

}  // namespace

RangeSums sums_of(Learning learning) {
  switch (learning) {
    case Learning::straight_through:
      return RangeSums::none;
    case Learning::lsq:
      return RangeSums::of_step;
    case Learning::pact:
      break;
  }
  return RangeSums::of_clip;
}

TrainedRange::TrainedRange(std::shared_ptr<const Scheme> scheme, std::string tensor,
                           int64_t channels, Learning learning, std::vector<Range> ranges,
                           int64_t count, std::vector<Distribution> values)
    : scheme_(std::move(scheme)),
      tensor_(std::move(tensor)),
      channels_(channels),
      learning_(learning),
      ranges_(std::move(ranges)),
      count_(count),
      values_(std::move(values)) {
  fit();
  if (learning_ == Learning::straight_through) return;
  parameter_.name = learning_ == Learning::lsq ? "step" : "clip";
  parameter_.decays = false;
  parameter_.master = parameter_.grad = Tensor<float>(Shape{std::ssize(ranges_)});
  if (learning_ == Learning::lsq) {
    start_steps();
  } else {
    for (int64_t entry = 0; entry < std::ssize(ranges_); ++entry)
      parameter_.master[entry] = static_cast<float>(ranges_[entry].high);
  }
  follow_parameter();
}

/// Takes the steps, and the ranges that give steps of 1: the outermost levels, or wider or narrower
/// if the scheme's fit needs it (symmetric ones divide by one code or another).
void TrainedRange::start_steps() {
  for (int64_t entry = 0; entry < std::ssize(ranges_); ++entry) {
    const float scale = quantization_->affine(entry)->scale;
    const Ends ends = outermost(*quantization_, entry);
    parameter_.master[entry] = scale;
    positive_codes_.push_back(std::nearbyint(std::max(ends.high / scale, -ends.low / scale - 1)));
    ranges_[entry] = {ends.low, ends.high};
  }
  fit();
  for (int64_t entry = 0; entry < std::ssize(ranges_); ++entry) {
    const double fitted = quantization_->affine(entry)->scale;
    of_step_one_.push_back({ranges_[entry].low / fitted, ranges_[entry].high / fitted});
  }
}

void TrainedRange::set(std::vector<Range> ranges, std::vector<Distribution> values) {
  ranges_ = std::move(ranges);
  values_ = std::move(values);
  fit();
}

void TrainedRange::quantize(const Tile& from, float* to) const {
  if (copying_) return copying_->apply_to(from, to);
  for (int64_t row = 0; row < from.rows; ++row)
    std::copy_n(from.values + row * from.row_stride, from.channels, to + row * from.channels);
  quantization_->apply({to, from.rows, from.channels, from.channels, from.first_row,
                        from.first_channel, from.chunk, from.worker});
}

void TrainedRange::follow_parameter() {
  if (learning_ == Learning::straight_through) return;
  for (size_t entry = 0; entry < ranges_.size(); ++entry) {
    // Under zero there is no range: the quantizer takes its smallest scale, and reports it.
    const double value = std::max(parameter_.master[static_cast<int64_t>(entry)], 0.0f);
    ranges_[entry] = learning_ == Learning::lsq
                         ? Range{of_step_one_[entry].low * value, of_step_one_[entry].high * value}
                         : Range{0, value};
  }
  fit();
}

void TrainedRange::fit() {
  quantization_ = scheme_->quantizer->fit({tensor_, channels_, ranges_, values_});
  copying_ = dynamic_cast<const CopyingTransform*>(quantization_.get());
  lowest_.resize(static_cast<size_t>(channels_));
  highest_.resize(lowest_.size());
  for (int64_t c = 0; c < channels_; ++c) {
    const int64_t entry = quantization_->entry_of(c);
    const Ends ends = c > 0 && quantization_->entry_of(c - 1) == entry
                          ? Ends{lowest_[c - 1], highest_[c - 1]}
                          : outermost(*quantization_, entry);
    lowest_[c] = ends.low;
    highest_[c] = ends.high;
  }
  if (learning_ != Learning::straight_through || !scheme_->quantizer->is_affine()) return;
  for (int64_t c = 0; c < channels_; ++c) {
    const float half = quantization_->affine(quantization_->entry_of(c))->scale / 2;
    lowest_[c] -= half;
    highest_[c] += half;
  }
}

void TrainedRange::visit_state(StateVisitor state) {
  const auto visit_ranges = [&](const std::string& name, std::vector<Range>& ranges) {
    std::vector<double> ends;
    for (const Range& range : ranges) ends.insert(ends.end(), {range.low, range.high});
    state.visit_fixed(name, ends);
    for (size_t i = 0; i < ranges.size(); ++i) ranges[i] = {ends[2 * i], ends[2 * i + 1]};
  };
  visit_ranges("ranges", ranges_);
  if (learning_ != Learning::straight_through) state.visit("parameter", parameter_.master);
  if (learning_ == Learning::lsq) {
    state.visit_fixed("positive_codes", positive_codes_);
    visit_ranges("of_step_one", of_step_one_);
  }
  if (state.is_loading()) fit();
}

void TrainedRange::add_gradient(const std::vector<double>& sums) {
  for (int64_t c = 0; c < channels_; ++c) {
    const int64_t entry = quantization_->entry_of(c);
    double gradient = sums[c];
    if (learning_ == Learning::lsq)
      gradient /= quantization_->affine(entry)->scale *
                  std::sqrt(static_cast<double>(count_) * positive_codes_[entry]);
    parameter_.grad[entry] += static_cast<float>(gradient);
  }
}

}  // namespace quantdyn
