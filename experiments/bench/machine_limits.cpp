#include "experiments/bench/machine_limits.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>

#include "framework/base/gemm.h"
#include "framework/base/rng.h"
#include "framework/base/stopwatch.h"
#include "framework/base/tensor.h"
#include "framework/base/threads.h"
#include "layers/codes/products.h"
#include "layers/fused/products.h"

namespace quantdyn {
namespace {

constexpr int trials = 5;
constexpr double seconds_a_trial = 0.01;
constexpr int64_t side = 384;  // of the square products: all three fit into L2

Tensor<float> random_values(int64_t n) {
  Tensor<float> out(Shape{n});
  const Rng rng(1);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(rng.normal(static_cast<uint64_t>(i)));
  return out;
}

/// What one thread repeats; `amount` is done by each call.
struct Work {
  std::function<void()> call;
  double amount;
};

/// Amount per second of workers that repeat their work at the same time: the best trial.
double rate(const std::vector<Work>& works) {
  int64_t repeats = 1;
  const auto time = [&] {
    const Stopwatch watch;
    parallel_for(static_cast<int64_t>(works.size()), [&](int64_t i, int) {
      for (int64_t r = 0; r < repeats; ++r) works[static_cast<size_t>(i)].call();
    });
    return watch.seconds();
  };
  time();  // touches all pages
  while (time() < seconds_a_trial) repeats *= 2;
  double best = time();
  for (int i = 1; i < trials; ++i) best = std::min(best, time());
  double amount = 0;
  for (const Work& work : works) amount += work.amount * static_cast<double>(repeats);
  return amount / best;
}

struct Products {
  Tensor<float> a = random_values(side * side), b = random_values(side * side);
  Tensor<float> c = Tensor<float>(Shape{side * side}), packed = Tensor<float>(Shape{side * side});
};

double product_rate(int workers) {
  std::vector<Products> of_worker(static_cast<size_t>(workers));
  std::vector<Work> by_blis, by_own;
  const double flop = 2.0 * static_cast<double>(side * side * side);
  for (Products& p : of_worker) {
    pack_columns({p.b.data(), side, 1}, side, side, p.packed.data());
    by_blis.push_back({[&p] {
                         gemm(side, side, side, {p.a.data(), side, 1}, {p.b.data(), side, 1},
                              {p.c.data(), side, 1}, Accumulate::no);
                       },
                       flop});
    by_own.push_back({[&p] {
                        multiply({1, side, side, 1, side}, {p.a.data(), 0, side, 0, 1},
                                 {p.packed.data(), 0}, {p.c.data(), 0, side}, Accumulate::no);
                      },
                      flop});
  }
  return std::max(rate(by_blis), rate(by_own));
}

/// Products of codes without their maps' rounding, which is what an instruction set can do.
double code_rate(int workers) {
  const CodeGrid input{0.02f, 3, 0, 255}, weight{0.01f, 0, -128, 127};
  const std::vector<int32_t> w(static_cast<size_t>(side * side), 5);
  const PackedCodes packed(1, side, w, std::vector<CodeGrid>(side, weight), input.zero_point);
  const auto padded = static_cast<size_t>(packed.padded_columns);
  const SumMap map{std::vector<double>(padded, 2e-4), std::vector<double>(padded, 0.1), {0, 6}};
  const std::vector<uint8_t> x(static_cast<size_t>(side * side + 64), 7);
  std::vector<Tensor<float>> y;
  for (int i = 0; i < workers; ++i) y.emplace_back(Shape{side * side});
  std::vector<Work> works;
  for (Tensor<float>& to : y)
    works.push_back(
        {[&packed, &map, &x, &to] {
           multiply_codes({1, side, 1, side}, {x.data(), 0, side, 0}, packed, map, to.data(), 0);
         },
         2.0 * static_cast<double>(side * side * side)});
  return rate(works);
}

struct Arrays {
  Tensor<float> a, b, c;
};

double memory_rate(double bytes, int workers) {
  const auto half = static_cast<int64_t>(bytes / 8), third = static_cast<int64_t>(bytes / 12);
  std::vector<Arrays> of_worker;
  for (int i = 0; i < workers; ++i)
    of_worker.push_back(
        {Tensor<float>(Shape{half}), Tensor<float>(Shape{half}), Tensor<float>(Shape{third})});
  std::vector<Work> copies, sums;
  for (Arrays& arrays : of_worker) {
    copies.push_back({[&arrays, half] {
                        std::memcpy(arrays.a.data(), arrays.b.data(),
                                    static_cast<size_t>(4 * half));
                      },
                      8.0 * static_cast<double>(half)});
    sums.push_back({[&arrays, third] {
                      float* const to = arrays.a.data();
                      const float *const left = arrays.b.data(), *const right = arrays.c.data();
                      for (int64_t i = 0; i < third; ++i) to[i] = left[i] + 3 * right[i];
                    },
                    12.0 * static_cast<double>(third)});
  }
  return std::max(rate(copies), rate(sums));
}

}  // namespace

double MachineLimits::bytes_per_second(double bytes) const {
  double out = memory.front().all;
  for (const MemoryRate& measured : memory)
    if (measured.bytes <= bytes) out = measured.all;
  return out;
}

MachineLimits measure_limits(WithCodes with_codes) {
  const int workers = worker_count();
  const auto one_and_all = [&](const auto& measure) {
    const double one = measure(1);
    return std::pair(one, workers == 1 ? one : measure(workers));
  };
  MachineLimits out{0, 0, with_codes == WithCodes::yes ? code_rate(workers) : 0, {}};
  std::tie(out.flops_one, out.flops_all) = one_and_all(product_rate);
  for (int64_t kib : {256, 1024, 4096, 16384, 65536}) {
    const double bytes = 1024.0 * static_cast<double>(kib);
    const auto [one, all] = one_and_all([&](int n) { return memory_rate(bytes, n); });
    out.memory.push_back({bytes, one, all});
  }
  return out;
}

}  // namespace quantdyn
