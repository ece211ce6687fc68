// Micro-benchmarks of the hot kernels on one thread, each beside what this machine can do:
// `of_blis` is the share of BLIS's rate on a square product, `of_copy` the share of memcpy's rate
// on an array beyond the caches.
//
//   meson test -C build --benchmark kernels --verbose      or      build/tests/bench/bench_kernels
//   --benchmark_filter=...
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstring>
#include <memory>

#include "framework/base/gemm.h"
#include "framework/base/rng.h"
#include "framework/base/tensor.h"
#include "layers/codes/products.h"
#include "layers/fused/convolution_kernel.h"
#include "layers/fused/products.h"
#include "layers/fused/rows.h"
#include "quant/quantizers/quantizer.h"
#include "stats/tracking/statistic.h"
#include "stats/tracking/tracker.h"
#include "stats/tracking/unit_tracker.h"

namespace quantdyn {
namespace {

Tensor<float> random_values(int64_t n) {
  Tensor<float> out(Shape{n});
  const Rng rng(1);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(rng.normal(static_cast<uint64_t>(i)));
  return out;
}

/// Seconds of the fastest of several calls.
template <typename Work>
double fastest(const Work& work) {
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double blis_flops() {
  static const double rate = [] {
    const int64_t n = 768;
    const Tensor<float> a = random_values(n * n), b = random_values(n * n);
    Tensor<float> c(Shape{n * n});
    return 2.0 * static_cast<double>(n * n * n) / fastest([&] {
             gemm(n, n, n, {a.data(), n, 1}, {b.data(), n, 1}, {c.data(), n, 1}, Accumulate::no);
           });
  }();
  return rate;
}

double copy_bytes() {
  static const double rate = [] {
    const int64_t n = int64_t{32} << 20;
    const Tensor<float> from = random_values(n);
    Tensor<float> to(Shape{n});
    return 4.0 * static_cast<double>(n) /
           fastest([&] { std::memcpy(to.data(), from.data(), static_cast<size_t>(4 * n)); });
  }();
  return rate;
}

void report_flops(benchmark::State& state, double flops) {
  using benchmark::Counter;
  const double done = flops * static_cast<double>(state.iterations());
  state.counters["GF/s"] = Counter(1e-9 * done, Counter::kIsRate);
  state.counters["of_blis"] = Counter(done / blis_flops(), Counter::kIsRate);
}

/// `bytes` of the array that is worked on, counted once.
void report_bytes(benchmark::State& state, double bytes) {
  using benchmark::Counter;
  const double done = bytes * static_cast<double>(state.iterations());
  state.counters["GB/s"] = Counter(1e-9 * done, Counter::kIsRate);
  state.counters["of_copy"] = Counter(done / copy_bytes(), Counter::kIsRate);
}

/// The same product by BLIS and by the kernel that convolutions are made of.
void matrix_product(benchmark::State& state) {
  const bool is_blis = state.range(0) == 0;
  const int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const Tensor<float> a = random_values(m * k), b = random_values(k * n);
  Tensor<float> c(Shape{m * n}), packed(Shape{k * n});
  pack_columns({b.data(), n, 1}, k, n, packed.data());
  for (auto _ : state) {
    if (is_blis)
      gemm(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, {c.data(), n, 1}, Accumulate::no);
    else
      multiply({1, m, n, 1, k}, {a.data(), 0, k, 0, 1}, {packed.data(), 0}, {c.data(), 0, n},
               Accumulate::no);
  }
  report_flops(state, 2.0 * static_cast<double>(m * n * k));
}
void product_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"own", "m", "n", "k"});
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{1024, 64, 27},
                                {1024, 64, 32},
                                {1024, 64, 288},
                                {128, 128, 64},
                                {256, 128, 1152},
                                {512, 512, 512},
                                {32, 1024, 1024},
                                {64, 64, 8192}})
    for (int64_t own : {0, 1}) b->Args({own, m, n, k});
}
BENCHMARK(matrix_product)->Apply(product_shapes);

/// Sums of products of codes as values, or as the codes of the next layer (to 1).
void code_product(benchmark::State& state) {
  const bool to_codes = state.range(0) == 1;
  const int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const CodeGrid input{0.02f, 3, 0, 255}, weight{0.01f, 0, -128, 127};
  const Rng rng(1);
  std::vector<uint8_t> x(static_cast<size_t>(m * k + 64)), codes(static_cast<size_t>(m * n + 64));
  std::vector<int32_t> w(static_cast<size_t>(k * n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint8_t>(256 * rng.uniform(i));
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<int32_t>(256 * rng.uniform(i)) - 128;
  const PackedCodes packed(1, k, w, std::vector<CodeGrid>(n, weight), input.zero_point);
  const auto padded = static_cast<size_t>(packed.padded_columns);
  const SumMap map{std::vector<double>(padded, 2e-4), std::vector<double>(padded, 0.1), {0, 6}};
  const auto output = QuantizerRegistry::instance()
                          .make(Options::from_text("{name: affine}", "bench"))
                          ->fit({"y", n, {{0, 6}}, {}});
  const CodeMap code_map(map, *output, *output->grid());
  Tensor<float> y(Shape{m * n});
  for (auto _ : state) {
    if (to_codes)
      multiply_codes({1, m, 1, k}, {x.data(), 0, k, 0}, packed, code_map, codes.data(), 0);
    else
      multiply_codes({1, m, 1, k}, {x.data(), 0, k, 0}, packed, map, y.data(), 0);
  }
  report_flops(state, 2.0 * static_cast<double>(m * n * k));
}
BENCHMARK(code_product)->Apply([](benchmark::internal::Benchmark* b) {
  b->ArgNames({"to_codes", "m", "n", "k"});
  for (int64_t to_codes : {0, 1})
    for (int64_t k : {64, 256, 512}) b->Args({to_codes, 128, k, k});
});

enum Algorithm { direct, winograd, depthwise };
enum Pass { forward, backward_data, backward_weights };

std::unique_ptr<ConvolutionKernel> make_kernel(int64_t algorithm, const Convolution& conv) {
  if (algorithm == depthwise) return make_depthwise_convolution(conv);
  return algorithm == winograd ? make_winograd_convolution(conv) : make_direct_convolution(conv);
}

/// One chunk of eight images, as a worker runs it.
void convolution(benchmark::State& state) {
  const int64_t algorithm = state.range(0), pass = state.range(1), size = state.range(2),
                in = state.range(3), out = state.range(4), stride = state.range(5);
  Convolution conv;
  conv.in_h = conv.in_w = size;
  conv.in_c = in;
  conv.out_h = conv.out_w = (size - 1) / stride + 1;
  conv.out_c = out;
  conv.kernel_h = conv.kernel_w = 3;
  conv.stride_h = conv.stride_w = stride;
  conv.pad_top = conv.pad_bottom = conv.pad_left = conv.pad_right = 1;
  conv.groups = algorithm == depthwise ? in : 1;
  const auto kernel = make_kernel(algorithm, conv);
  constexpr int64_t images = 8;
  const Tensor<float> x = random_values(images * size * size * in),
                      weight = random_values(conv.fan_in() * out);
  const Tensor<float> dy = random_values(images * conv.out_h * conv.out_w * out);
  Tensor<float> y(dy.shape()), dx(x.shape()), dweight(weight.shape()),
      scratch(Shape{kernel->scratch_floats() + 1});
  kernel->prepare_forward(weight.data());
  kernel->prepare_backward(weight.data());
  for (auto _ : state) {
    if (pass == forward)
      kernel->forward({x.data()}, images, y.data(), nullptr, scratch.data(),
                      [](int64_t, int64_t) {});
    if (pass == backward_data)
      kernel->backward_data(dy.data(), images, dx.data(), Accumulate::no, scratch.data());
    if (pass == backward_weights)
      kernel->backward_weights({x.data()}, dy.data(), images, dweight.data(), scratch.data());
  }
  report_flops(state, 2.0 * images * static_cast<double>(conv.multiply_accumulates()));
}
void convolutions(benchmark::internal::Benchmark* b) {
  b->ArgNames({"algorithm", "pass", "size", "in", "out", "stride"});
  for (int64_t pass : {forward, backward_data, backward_weights}) {
    for (int64_t algorithm : {direct, winograd}) {
      b->Args({algorithm, pass, 32, 32, 64, 1});
      b->Args({algorithm, pass, 16, 64, 128, 1});
      b->Args({algorithm, pass, 8, 128, 256, 1});
    }
    b->Args({direct, pass, 32, 3, 32, 1});
    b->Args({direct, pass, 32, 64, 64, 2});
    b->Args({depthwise, pass, 32, 32, 32, 1});
    b->Args({depthwise, pass, 32, 64, 64, 2});
    b->Args({depthwise, pass, 8, 128, 128, 1});
    b->Args({depthwise, pass, 4, 512, 512, 1});
  }
}
BENCHMARK(convolution)->Apply(convolutions);

void norm_and_activation(benchmark::State& state) {
  const int64_t channels = state.range(0), rows = (int64_t{1} << 20) / channels;
  const Tensor<float> x = random_values(rows * channels), scale = random_values(channels),
                      shift = random_values(channels);
  Tensor<float> y(x.shape());
  for (auto _ : state)
    apply_map({scale.data(), shift.data(), FusedActivation::relu}, x.data(), channels, rows,
              channels, y.data());
  report_bytes(state, 4.0 * static_cast<double>(x.elements()));
}
BENCHMARK(norm_and_activation)->ArgName("channels")->Arg(3)->Arg(32)->Arg(64)->Arg(512);

void norm_backward_sums(benchmark::State& state) {
  const int64_t channels = state.range(0), rows = (int64_t{1} << 20) / channels;
  const Tensor<float> z = random_values(rows * channels), by_channel = random_values(channels);
  const Tensor<float> dy = z;
  Tensor<double> sum(Shape{channels}), product(Shape{channels});
  for (auto _ : state)
    sum_masked(z.data(), dy.data(), rows, channels, by_channel.data(), by_channel.data(),
               by_channel.data(), FusedActivation::relu, sum.data(), product.data());
  report_bytes(state, 4.0 * static_cast<double>(z.elements()));
}
BENCHMARK(norm_backward_sums)->ArgName("channels")->Arg(3)->Arg(32)->Arg(64)->Arg(512);

void report_nanoseconds(benchmark::State& state, int64_t elements) {
  using benchmark::Counter;
  state.counters["ns/element"] = Counter(static_cast<double>(elements * state.iterations()) * 1e-9,
                                         Counter::kIsRate | Counter::kInvert);
}

/// Statistics, layerwise and channelwise, as a run tracks a tap: tiles of 16 KB.
void tracking(benchmark::State& state, const char* statistics) {
  const int64_t channels = state.range(0), rows = std::max<int64_t>(4096 / channels, 64);
  Tensor<float> x = random_values(rows * channels);
  Tracker tracker(channels, 1, read_statistics(Options::from_text(statistics, "bench")));
  constexpr int64_t tiles_per_chunk = 16;
  int64_t tile = 0;
  for (auto _ : state) {
    const int64_t chunk = tile / tiles_per_chunk, first_row = tile % tiles_per_chunk * rows;
    tracker.add({x.data(), rows, channels, channels, first_row, 0, chunk, 0});
    if (++tile % tiles_per_chunk == 0) tracker.end_chunk(chunk, 0);
  }
  report_nanoseconds(state, x.elements());
}
void widths(benchmark::internal::Benchmark* b) {
  b->ArgName("channels")->Arg(3)->Arg(32)->Arg(64)->Arg(512);
}
/// A convolution, its norm and the relu after it, by one tracker; the time of
/// one element of each.
void tracking_three(benchmark::State& state, const char* statistics) {
  const int64_t channels = state.range(0), rows = std::max<int64_t>(4096 / channels, 64);
  const Tensor<float> z = random_values(rows * channels);
  Tensor<float> y = z;
  const std::vector<float> scale(channels, 0.75f), shift(channels, 0.125f);
  const ChannelMap affine{scale.data(), shift.data(), FusedActivation::none};
  const TapMap map{scale, [&](float* values, int64_t count) {
                     apply_map(affine, values, channels, count, channels, values);
                   }};
  map.apply(y.data(), rows);
  const StatisticKinds kinds = read_statistics(Options::from_text(statistics, "bench"));
  UnitTracker tracker({.channels = channels,
                       .taps = {TapKind::conv, TapKind::norm, TapKind::output},
                       .norm_of_conv = map,
                       .output_of_norm = FusedActivation::relu},
                      1, kinds);
  Observer &conv = tracker.observer(TapKind::conv), &norm = tracker.observer(TapKind::norm),
           &output = tracker.observer(TapKind::output);
  constexpr int64_t tiles_per_chunk = 16;
  int64_t tile = 0;
  for (auto _ : state) {
    const int64_t chunk = tile / tiles_per_chunk, first_row = tile % tiles_per_chunk * rows;
    conv.add({z.data(), rows, channels, channels, first_row, 0, chunk, 0});
    norm.add({y.data(), rows, channels, channels, first_row, 0, chunk, 0});
    if (++tile % tiles_per_chunk != 0) continue;
    for (Observer* tap : {&conv, &norm, &output}) tap->end_chunk(chunk, 0);
  }
  report_nanoseconds(state, z.elements());
}
BENCHMARK_CAPTURE(tracking, all, "{}")->Apply(widths);
BENCHMARK_CAPTURE(tracking, moments, "{statistics: [moments]}")->Apply(widths);
BENCHMARK_CAPTURE(tracking, histogram, "{statistics: [histogram]}")->Apply(widths);
BENCHMARK_CAPTURE(tracking_three, all, "{}")->Apply(widths);
BENCHMARK_CAPTURE(tracking_three, moments, "{statistics: [moments]}")->Apply(widths);
BENCHMARK_CAPTURE(tracking_three, histogram, "{statistics: [histogram]}")->Apply(widths);

/// The transform of each scheme, with one set of levels or one for each channel.
void quantize(benchmark::State& state, const char* scheme) {
  const bool is_per_channel = state.range(0) != 0;
  const int64_t channels = state.range(1), rows = (int64_t{1} << 20) / channels;
  const Options options = Options::from_text(
      fmt::format("{{{}{}}}", scheme, is_per_channel ? ", granularity: per_channel" : ""), "bench");
  const auto quantizer = QuantizerRegistry::instance().make(options);
  Tensor<float> x = random_values(rows * channels);
  FittingTask task{"x", channels, {}, {}};
  task.ranges.assign(static_cast<size_t>(quantizer->granularity().entries(channels)), {-3, 3});
  if (quantizer->needs_values()) {
    const View<const float> some(x.data(), Shape{4096 / channels, channels});
    task.values = exact_distributions(some, quantizer->granularity());
  }
  const auto quantization = quantizer->fit(task);
  for (auto _ : state) quantization->apply(whole_tile(x.view()));
  report_bytes(state, 4.0 * static_cast<double>(x.elements()));
}
void entries(benchmark::internal::Benchmark* b) {
  b->ArgNames({"per_channel", "channels"});
  for (int64_t channels : {3, 64, 512}) b->Args({0, channels});
  b->Args({1, 64});
}
void one_entry(benchmark::internal::Benchmark* b) {
  b->ArgNames({"per_channel", "channels"})->Args({0, 64});
}
BENCHMARK_CAPTURE(quantize, affine, "name: affine")->Apply(entries);
BENCHMARK_CAPTURE(quantize, affine_reciprocal, "name: affine, profile: torch")->Apply(entries);
BENCHMARK_CAPTURE(quantize, affine_stochastic, "name: affine, rounding: stochastic")
    ->Apply(entries);
BENCHMARK_CAPTURE(quantize, float_e4m3, "name: float")->Apply(one_entry);
BENCHMARK_CAPTURE(quantize, float_e4m3_scaled, "name: float, scaling: range")->Apply(entries);
BENCHMARK_CAPTURE(quantize, logarithmic_2, "name: logarithmic")->Apply(entries);
BENCHMARK_CAPTURE(quantize, logarithmic_sqrt2, "name: logarithmic, base: sqrt2")->Apply(entries);
BENCHMARK_CAPTURE(quantize, ternary, "name: ternary")->Apply(entries);
BENCHMARK_CAPTURE(quantize, codebook_16, "name: codebook")->Apply(entries);
BENCHMARK_CAPTURE(quantize, codebook_256, "name: codebook, levels: 256")->Apply(entries);

}  // namespace
}  // namespace quantdyn

int main(int argc, char** argv) {
  quantdyn::start_gemm();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("BLIS kernels", quantdyn::gemm_architecture());
  benchmark::AddCustomContext("BLIS 768^3 GF/s", std::to_string(1e-9 * quantdyn::blis_flops()));
  benchmark::AddCustomContext("copy GB/s", std::to_string(1e-9 * quantdyn::copy_bytes()));
  benchmark::RunSpecifiedBenchmarks();
}
