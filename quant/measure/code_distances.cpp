#include "quant/measure/code_distances.h"

#include <cmath>
#include <numeric>

namespace quantdyn {
namespace {

double sum_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

/// sum_k of the integral of |F_x - F_q| over the halves, see wasserstein().
class Integral {
 public:
  Integral(double values, double twins) : values_(values), twins_(twins) {}

  /// `width` of the half, `before` x under it, `reached` q at or under its lower end.
  void add(const LevelGaps::Half& half, double width, double before, double reached,
           double rounding) {
    if (width == 0) return;
    const double left = before / values_ - reached / twins_;
    const double right = (before + half.count) / values_ - reached / twins_;
    const double integral = width * right - half.offsets / values_;
    out.uncertainty += rounding * width * half.count / values_;
    if (left >= 0 || right <= 0) {
      out.value += std::abs(integral);
      return;
    }
    const double jump = (integral - width * left) / (right - left);  // the jump's place
    const double most = jump * right - (width - jump) * left;
    out.value += (most + std::abs(integral)) / 2;
    out.uncertainty += (most - std::abs(integral)) / 2;
  }

  Distance out{0, 0};

 private:
  double values_, twins_;
};

}  // namespace

double code_entropy(std::span<const double> counts) {
  const double total = sum_of(counts);
  if (total == 0) return NAN;
  double entropy = 0;
  for (double count : counts)
    if (count > 0) entropy -= count / total * std::log2(count / total);
  return std::abs(entropy);  // no -0
}

CellDivergence cell_divergence(const CodeCounts& counts) {
  const double values = sum_of(counts.reference), twins = sum_of(counts.quantized);
  if (values == 0 || twins == 0) return {NAN, NAN, NAN};
  CellDivergence out{0, 0, 0};
  for (size_t k = 0; k < counts.reference.size(); ++k) {
    const double p = counts.reference[k] / values, r = counts.quantized[k] / twins;
    if (p > 0 && r == 0) out.missing += p;
    if (p > 0) out.kl += r > 0 ? p * std::log(p / r) : HUGE_VAL;
    const double middle = (p + r) / 2;
    if (p > 0) out.js += p / 2 * std::log2(p / middle);
    if (r > 0) out.js += r / 2 * std::log2(r / middle);
  }
  return out;
}

Distance wasserstein(const LevelGaps& gaps) {
  double values = gaps.below + gaps.above;
  for (const LevelGaps::Half& half : gaps.halves) values += half.count;
  const double twins = sum_of(gaps.quantized) + gaps.infinite;
  if (values == 0 || twins == 0) return {NAN, NAN};
  if (gaps.infinite > 0) return {HUGE_VAL, 0};
  Integral integral(values, twins);
  integral.out.value = (gaps.below_excess + gaps.above_excess) / values;
  double before = gaps.below, reached = 0;
  for (size_t gap = 0; gap + 1 < gaps.levels.size(); ++gap) {
    reached += gaps.quantized[gap];
    const double width = (gaps.levels[gap + 1] - gaps.levels[gap]) / 2;
    for (size_t side : {0, 1}) {
      const LevelGaps::Half& half = gaps.halves[2 * gap + side];
      integral.add(half, width, before, reached, gaps.offset_rounding);
      before += half.count;
    }
  }
  return integral.out;
}

}  // namespace quantdyn
