// The affine kernel's rate against memcpy of the same size, in the first cache and in memory.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "framework/tensor.h"
#include "quant/kernels.h"

namespace quantdyn {
namespace {

/// The best of seven runs of about 50 ms, in GB/s; `bytes` are what one call reads (and writes).
template <typename Call>
double rate(int64_t bytes, const Call& call) {
  using Clock = std::chrono::steady_clock;
  const int64_t calls = std::max<int64_t>(1, (int64_t{1} << 29) / bytes);
  double best = 0;
  for (int run = 0; run < 7; ++run) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < calls; ++i) call();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, static_cast<double>(bytes * calls) / seconds * 1e-9);
  }
  return best;
}

AffineGrid make_grid(int64_t entries, Scaling scaling) {
  AffineGrid grid;
  grid.scaling = scaling;
  grid.scale.assign(static_cast<size_t>(entries), 0.01f);
  grid.reciprocal.assign(static_cast<size_t>(entries), 100.0f);
  grid.zero_point.assign(static_cast<size_t>(entries), 128.0f);
  return grid;
}

void measure(int64_t rows, int64_t channels) {
  Tensor<float> x({rows, channels}), y({rows, channels});
  for (int64_t i = 0; i < x.elements(); ++i) x[i] = static_cast<float>(i % 997) * 0.003f - 1.5f;
  const int64_t bytes = x.elements() * 4;
  const double copy = rate(bytes, [&] {
    std::memcpy(y.data(), x.data(), static_cast<size_t>(bytes));
    asm volatile("" : : "r"(y.data()) : "memory");
  });
  fmt::print("{:>9} x {:<4} {:>8} KB   memcpy {:6.1f} GB/s", rows, channels, bytes / 1024, copy);
  for (const Scaling scaling : {Scaling::divide, Scaling::reciprocal})
    for (const int64_t entries : {int64_t{1}, channels}) {
      const AffineGrid grid = make_grid(entries, scaling);
      const double gb =
          rate(bytes, [&] { affine_apply(grid, x.data(), rows, channels, channels, 0); });
      fmt::print("   {} {} {:6.1f}", scaling == Scaling::divide ? "divide" : "reciprocal",
                 entries == 1 ? "per tensor" : "per channel", gb);
    }
  const AffineGrid grid = make_grid(1, Scaling::divide);
  fmt::print("   reference {:5.2f}\n", rate(bytes, [&] {
               affine_apply_reference(grid, x.data(), rows, channels, channels, 0);
             }));
}

}  // namespace
}  // namespace quantdyn

int main() {
  quantdyn::measure(64, 64);  // a tile, 16 KB
  quantdyn::measure(240, 17);
  quantdyn::measure(262144, 64);  // 64 MB
}
