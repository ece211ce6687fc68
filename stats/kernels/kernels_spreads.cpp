#include "stats/kernels/kernels_spreads.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "stats/kernels/kernels_spreads.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Plain loops, which the compiler vectorizes once for every instruction set.
HWY_BEFORE_NAMESPACE();
namespace quantdyn::kernels::HWY_NAMESPACE {

void begin_channels(const Tile& tile, FusedActivation activation, double* rows, double* shift,
                    const MomentSums& sums) {
  const auto more = static_cast<double>(tile.rows);
  int any_new = 0;
#pragma omp simd reduction(| : any_new)
  for (int64_t c = 0; c < tile.channels; ++c) {
    any_new |= rows[c] == 0 ? 1 : 0;
    rows[c] += more;
  }
  if (any_new == 0) return;
#pragma omp simd
  for (int64_t c = 0; c < tile.channels; ++c) {
    const bool is_new = rows[c] == more;
    const double first = ends_of(activation).clip(tile.values[c]);
    shift[c] = is_new ? first : shift[c];
    sums.sum[c] = is_new ? 0 : sums.sum[c];
    sums.square[c] = is_new ? 0 : sums.square[c];
    sums.cube[c] = is_new ? 0 : sums.cube[c];
    sums.fourth[c] = is_new ? 0 : sums.fourth[c];
    sums.absolute[c] = is_new ? 0 : sums.absolute[c];
  }
}

void spreads_of_chunk(const double* rows, const MomentSums& sums, int64_t channels,
                      const SpreadArrays<double>& to) {
#pragma omp simd
  for (int64_t c = 0; c < channels; ++c) {
    const double count = rows[c], away = sums.sum[c] / count, square = away * away;
    const double deviations = sums.square[c] - sums.sum[c] * away;
    const double cubes = sums.cube[c] - 3 * away * sums.square[c] + 2 * count * square * away;
    const double fourths = sums.fourth[c] - 4 * away * sums.cube[c] + 6 * square * sums.square[c] -
                           3 * count * square * square;
    const bool is_there = count > 0;
    to.count[c] = count;
    to.mean[c] = is_there ? sums.shift[c] + away : 0;
    to.deviations[c] = is_there && !(deviations < 0) ? deviations : 0;
    to.cubes[c] = is_there ? cubes : 0;
    to.fourths[c] = is_there && !(fourths < 0) ? fourths : 0;
    to.absolute[c] = is_there ? sums.absolute[c] : 0;
  }
}

void merge_spreads(const SpreadArrays<double>& left, const SpreadArrays<const double>& right,
                   int64_t channels) {
#pragma omp simd
  for (int64_t c = 0; c < channels; ++c) {
    const Spread a = left.at(c), b = right.at(c);
    Spread all;
    all.mean = a.mean + (b.mean - a.mean) * (b.count / (a.count + b.count));
    all.add_about_mean(a);
    all.add_about_mean(b);
    const bool is_there = b.count > 0;
    left.count[c] = is_there ? all.count : a.count;
    left.mean[c] = is_there ? all.mean : a.mean;
    left.deviations[c] = is_there ? all.deviations : a.deviations;
    left.cubes[c] = is_there ? all.cubes : a.cubes;
    left.fourths[c] = is_there ? all.fourths : a.fourths;
    left.absolute[c] = is_there ? all.absolute : a.absolute;
  }
}

}  // namespace quantdyn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quantdyn::kernels {

HWY_EXPORT(begin_channels);
HWY_EXPORT(spreads_of_chunk);
HWY_EXPORT(merge_spreads);

void begin_channels(const Tile& tile, FusedActivation activation, double* rows, double* shift,
                    const MomentSums& sums) {
  HWY_DYNAMIC_DISPATCH(begin_channels)(tile, activation, rows, shift, sums);
}
void spreads_of_chunk(const double* rows, const MomentSums& sums, int64_t channels,
                      const SpreadArrays<double>& to) {
  HWY_DYNAMIC_DISPATCH(spreads_of_chunk)(rows, sums, channels, to);
}
void merge_spreads(const SpreadArrays<double>& left, const SpreadArrays<const double>& right,
                   int64_t channels) {
  HWY_DYNAMIC_DISPATCH(merge_spreads)(left, right, channels);
}

}  // namespace quantdyn::kernels
#endif
