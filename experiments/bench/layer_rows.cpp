#include "experiments/bench/layer_rows.h"

#include <algorithm>
#include <numeric>

#include "experiments/text/table.h"
#include "framework/base/error.h"
#include "framework/base/threads.h"

namespace quantdyn {
namespace {

const std::string outside = "outside";

/// A unit's leader has the unit's kind, "depthwise"; other nodes have their own.
std::string kind_of(const Network& network, int node) {
  const Unit& unit = network.units()[network.nodes()[node].unit];
  return unit.leader == node ? unit.kind : network.nodes()[node].kind;
}

/// Likewise: "conv1", where its own name is "conv1.conv".
std::string name_of(const Network& network, int node) {
  const Unit& unit = network.units()[network.nodes()[node].unit];
  return unit.leader == node ? unit.name : network.nodes()[node].name;
}

/// Depthwise layers sum codes as whole numbers in floats.
bool multiplies_integers(const Network& network, const StepProfile& step) {
  const Layer<float>* const layer = network.layer(step.nodes.front());
  const Convolution* const convolution = layer ? layer->convolution() : nullptr;
  return step.sums_codes && !(convolution && convolution->is_depthwise());
}

void set_limit(LayerRow& row, double operations_per_second, double bytes_per_second) {
  const double products = row.flop / operations_per_second, memory = row.bytes / bytes_per_second;
  row.limit_seconds = std::max(products, memory);
  row.limit = products > memory ? LayerRow::Limit::products : LayerRow::Limit::memory;
}

std::string limit_text(LayerRow::Limit limit) {
  switch (limit) {
    case LayerRow::Limit::products:
      return "products";
    case LayerRow::Limit::memory:
      return "memory";
    case LayerRow::Limit::none:
      break;
  }
  return "-";
}

std::vector<std::string> texts_of(const LayerRow& row) {
  const bool is_bounded = row.limit != LayerRow::Limit::none;
  const auto rate = [&](double amount) {
    return amount > 0 ? number_text(1e-9 * amount / row.seconds, 1) : "-";
  };
  return {row.layer,
          row.kind,
          row.pass,
          number_text(1e3 * row.seconds, 3),
          number_text(100 * row.share, 1),
          is_bounded ? number_text(1e-9 * row.flop, 3) : "-",
          is_bounded ? number_text(row.bytes / (1 << 20), 2) : "-",
          rate(row.flop),
          rate(row.bytes),
          is_bounded ? number_text(1e3 * row.limit_seconds, 3) : "-",
          is_bounded ? number_text(100 * row.limit_seconds / row.seconds, 0) : "-",
          limit_text(row.limit)};
}

std::string table_of(const std::vector<LayerRow>& rows) {
  std::vector<std::vector<std::string>> texts{{"layer", "kind", "pass", "ms", "share\n%", "GFLOP",
                                               "MiB", "GF/s", "GB/s", "limit\nms", "limit\n%",
                                               "limited by"}};
  for (const LayerRow& row : rows) texts.push_back(texts_of(row));
  return format_table(texts);
}

}  // namespace

std::vector<LayerRow> layer_rows(const Network& network, const BenchTiming& timing,
                                 const MachineLimits& limits) {
  const auto iterations = static_cast<double>(timing.iterations);
  const double workers = worker_count(), whole = timing.seconds / iterations;
  std::vector<LayerRow> out;
  double sum = 0;
  const auto add = [&](LayerRow row) {
    row.share = row.seconds / whole;
    sum += row.seconds;
    out.push_back(std::move(row));
  };
  for (const StepProfile& step : timing.steps) {
    const bool trains = step.backward.visits > 0;
    for (const PassProfile* pass : {&step.forward, &step.backward}) {
      if (pass->visits == 0) continue;
      const double visits = static_cast<double>(pass->visits) / iterations;
      const double of_worker = pass->bytes / (trains ? workers : 1);
      LayerRow row{.layer = name_of(network, step.nodes.front()),
                   .kind = kind_of(network, step.nodes.front()),
                   .pass = pass == &step.forward ? "forward" : "backward",
                   .seconds = pass->seconds / iterations / (trains ? 1 : workers),
                   .flop = 2 * pass->multiply_accumulates * visits,
                   .bytes = pass->bytes * visits};
      set_limit(row,
                multiplies_integers(network, step) ? limits.code_operations_all : limits.flops_all,
                limits.bytes_per_second(of_worker));
      add(row);
    }
  }
  for (const OutsideLayers& part : timing.outside)
    add({.layer = part.name, .kind = outside, .pass = "", .seconds = part.seconds / iterations});
  add({.layer = "rest", .kind = outside, .pass = "", .seconds = whole - sum});
  return out;
}

std::vector<LayerRow> rows_by_kind(const std::vector<LayerRow>& rows) {
  std::vector<LayerRow> out;
  for (const LayerRow& row : rows) {
    const auto same = [&](const LayerRow& other) {
      return other.kind == row.kind && other.pass == row.pass;
    };
    auto found = std::ranges::find_if(out, same);
    if (found == out.end()) {
      out.push_back({.layer = "all", .kind = row.kind, .pass = row.pass});
      found = std::prev(out.end());
    }
    found->seconds += row.seconds;
    found->share += row.share;
    found->flop += row.flop;
    found->bytes += row.bytes;
    found->limit_seconds += row.limit_seconds;
    if (row.limit != LayerRow::Limit::none) found->limit = row.limit;
  }
  for (LayerRow& kind : out) {  // the side that bounds more of the limit's time
    double products = 0;
    for (const LayerRow& row : rows)
      if (row.kind == kind.kind && row.pass == kind.pass && row.limit == LayerRow::Limit::products)
        products += row.limit_seconds;
    if (kind.limit != LayerRow::Limit::none)
      kind.limit =
          2 * products > kind.limit_seconds ? LayerRow::Limit::products : LayerRow::Limit::memory;
  }
  return out;
}

std::string layers_text(const std::vector<LayerRow>& rows, const MachineLimits& limits) {
  std::string out =
      fmt::format("products in float32: {:.1f} GF/s with one thread, {:.1f} with {}\n",
                  1e-9 * limits.flops_one, 1e-9 * limits.flops_all, worker_count());
  if (limits.code_operations_all > 0)
    out += fmt::format("products of codes: {:.1f} GF/s with {}\n",
                       1e-9 * limits.code_operations_all, worker_count());
  std::vector<std::vector<std::string>> memory{{"KiB a thread", "GB/s, one thread", "all threads"}};
  for (const MemoryRate& rate : limits.memory)
    memory.push_back({number_text(rate.bytes / 1024, 0), number_text(1e-9 * rate.one, 1),
                      number_text(1e-9 * rate.all, 1)});
  LayerRow total{.layer = "whole step", .kind = "", .pass = ""};
  for (const LayerRow& row : rows) {
    total.seconds += row.seconds;
    total.share += row.share;
    total.flop += row.flop;
    total.bytes += row.bytes;
    total.limit_seconds += row.limit_seconds;
  }
  std::vector<LayerRow> all = rows;
  all.push_back(total);
  return out + format_table(memory) + "\n" + table_of(all) + "\n" + table_of(rows_by_kind(rows));
}

}  // namespace quantdyn
