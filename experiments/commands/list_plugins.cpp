#include "experiments/commands/list_plugins.h"

#include <sstream>

#include "data/dataset.h"
#include "experiments/text/table.h"
#include "framework/learning/optimizer.h"
#include "framework/learning/schedule.h"
#include "quant/quantizers/quantizer.h"
#include "quant/ranges/range_estimator.h"
#include "stats/tracking/statistic.h"

namespace quantdyn {
namespace {

/// Runs a factory on options that only record what it reads.
template <typename Make>
std::vector<OptionDescription> describe(const Make& make) {
  std::vector<OptionDescription> out;
  try {
    make(Options::describing(out));
  } catch (const Options::DescriptionDone&) {
  }
  return out;
}

std::string indented(const std::string& lines) {
  std::string out;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) out += "      " + line + "\n";
  return out;
}

template <typename Product, typename... Args>
void list_kind(const std::string& kind, const std::string& only, std::string& out,
               const Args&... args) {
  std::string text;
  for (const auto& [name, entry] : Registry<Product, Args...>::instance().entries()) {
    if (!only.empty() && only != kind && only != name) continue;
    const auto make = entry.make;
    const auto options = describe([&](const Options& o) { make(o, args...); });
    text += fmt::format("  {}: {}\n", name, entry.summary);
    std::vector<std::vector<std::string>> rows{
        {"option", "type", "default", "accepted", "meaning"}};
    for (const OptionDescription& o : options)
      rows.push_back({o.key, o.type, o.default_value, o.accepted, o.help});
    if (rows.size() == 1) continue;
    text += indented(format_table(rows));
  }
  if (!text.empty()) out += kind + "\n" + text + "\n";
}

}  // namespace

std::string list_plugins(const std::string& only) {
  std::string out;
  list_kind<Layer<float>>("layer", only, out);
  list_kind<Initializer>("initializer", only, out);
  list_kind<Optimizer>("optimizer", only, out);
  list_kind<Schedule>("schedule", only, out, TrainingLength{1, 1});
  list_kind<DatasetPair>("dataset", only, out);
  list_kind<Quantizer>("quantizer", only, out);
  list_kind<RangeEstimator>("range_estimator", only, out);
  list_kind<StatisticKind>("statistic", only, out);
  if (out.empty())
    throw_error<ConfigError>(
        "no plugin and no kind of plugin is called '{}'; `quantdyn list` prints all", only);
  return out;
}

}  // namespace quantdyn
