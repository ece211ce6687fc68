#include "experiments/bench/bench_network.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "experiments/bench/layer_rows.h"
#include "experiments/results/process_facts.h"
#include "experiments/run/network_file.h"
#include "framework/base/threads.h"

namespace quantdyn {
namespace {

constexpr int64_t most_images = 65'536;
constexpr double most_seconds = 86'400;  // a day
constexpr double loader_seconds = 0.2;

using Json = nlohmann::ordered_json;

void check(const BenchRequest& request) {
  constexpr std::array modes{"train", "infer", "simulate", "stats"};
  if (std::ranges::find(modes, request.mode) == modes.end())
    throw_error<ConfigError>("--mode {}: accepted: {}",
                             request.mode.empty() ? "is missing" : request.mode,
                             fmt::join(modes, ", "));
  if (request.layers && request.mode == "stats")
    throw_error<ConfigError>("--layers: with --mode stats; accepted: with train, infer, simulate");
  if (request.batch < 2 || request.batch > most_images ||
      (request.mode != "train" && request.batch % images_per_chunk != 0))
    throw_error<ConfigError>(
        "--batch {}: accepted: from 2 to {}, and a multiple of {} except in training",
        request.batch, most_images, images_per_chunk);
  if (!(request.seconds > 0 && request.seconds <= most_seconds))
    throw_error<ConfigError>("--seconds {}: accepted: over 0, at most {}", request.seconds,
                             most_seconds);
}

BenchTiming time_mode(const BenchRequest& request, Network& network, View<const float> x,
                      Json& out) {
  const ByLayer by_layer = request.layers ? ByLayer::yes : ByLayer::no;
  if (request.mode == "train") return time_training(network, x, request.seconds, by_layer);
  if (request.mode == "infer") return time_inference(network, x, request.seconds, by_layer);
  if (request.mode == "simulate") return time_simulation(network, x, request.seconds, by_layer);
  const TrackingTiming timing = time_statistics(network, x, request.seconds);
  const auto iterations = static_cast<double>(timing.tracked.iterations);
  out["counted"] = timing.counted;
  out["expected_count"] = timing.expected;
  out["bare_milliseconds_per_batch"] = 1e3 * timing.bare_seconds / iterations;
  out["tracking_nanoseconds_per_convolution_output"] =
      1e9 * (timing.tracked.seconds - timing.bare_seconds) / iterations /
      static_cast<double>(timing.convolution_outputs);
  return timing.tracked;
}

Json json_of(const MachineLimits& limits) {
  Json out;
  out["gflops_per_second_one"] = 1e-9 * limits.flops_one;
  out["gflops_per_second_all"] = 1e-9 * limits.flops_all;
  if (limits.code_operations_all > 0)
    out["code_gops_per_second_all"] = 1e-9 * limits.code_operations_all;
  for (const MemoryRate& rate : limits.memory)
    out["memory"].push_back({{"bytes", rate.bytes},
                             {"gbytes_per_second_one", 1e-9 * rate.one},
                             {"gbytes_per_second_all", 1e-9 * rate.all}});
  return out;
}

Json json_of(const LayerRow& row) {
  Json out{{"layer", row.layer},
           {"kind", row.kind},
           {"pass", row.pass},
           {"milliseconds", 1e3 * row.seconds},
           {"share", row.share}};
  if (row.limit == LayerRow::Limit::none) return out;
  out["gflop"] = 1e-9 * row.flop;
  out["bytes"] = row.bytes;
  out["gflops_per_second"] = 1e-9 * row.flop / row.seconds;
  out["gbytes_per_second"] = 1e-9 * row.bytes / row.seconds;
  out["limit_milliseconds"] = 1e3 * row.limit_seconds;
  out["limited_by"] = row.limit == LayerRow::Limit::products ? "products" : "memory";
  return out;
}

/// The tables; adds the rows to `out`.
std::string by_layer(const BenchRequest& request, const Network& network, const BenchTiming& timing,
                     View<const float> x, Json& out) {
  const bool simulates = request.mode == "simulate";
  const MachineLimits limits = measure_limits(simulates ? WithCodes::yes : WithCodes::no);
  const std::vector<LayerRow> rows = layer_rows(network, timing, limits);
  out["limits"] = json_of(limits);
  for (const LayerRow& row : rows) out["layers"].push_back(json_of(row));
  std::string text = layers_text(rows, limits) + "\n";
  if (request.mode == "train") {
    const double loader = 1e3 * time_loader(x, loader_seconds);
    out["loader_milliseconds_per_batch"] = loader;
    text +=
        fmt::format("The loader, which runs beside a step, takes {:.2f} ms for a batch.\n", loader);
  }
  return text;
}

}  // namespace

std::string bench_network(const BenchRequest& request) {
  check(request);
  const Options none = Options::from_text("{}", "command line");
  Network network = read_network_file(request.network, none).network;
  const auto he_normal =
      Registry<Initializer>::instance().make(Options::from_text("{name: he_normal}", "bench"));
  network.initialize(*he_normal, Rng(0));
  const Tensor<float> x = random_images(network, request.batch);
  Json out;
  const BenchTiming timing = time_mode(request, network, x.view(), out);
  const double rate = static_cast<double>(timing.iterations * request.batch) / timing.seconds;
  const double macs = static_cast<double>(network.multiply_accumulates());
  out["images_per_second"] = rate;
  out["milliseconds_per_batch"] = 1e3 * timing.seconds / static_cast<double>(timing.iterations);
  out["iterations"] = timing.iterations;
  out["parameters"] = network.trained_count();
  out["multiply_accumulates"] = network.multiply_accumulates();
  out["peak_rss_mib"] = peak_memory_mib();
  out["gflops_per_second"] = 2e-9 * macs * (request.mode == "train" ? 3 : 1) * rate;
  std::string text;
  if (request.layers) text = by_layer(request, network, timing, x.view(), out);
  return text + out.dump();
}

}  // namespace quantdyn
