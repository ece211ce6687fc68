#include "experiments/results/merge_checks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "experiments/results/config_difference.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

using Runs = std::span<const std::unique_ptr<ResultReader>>;

/// Lines that must be equal, ordered so that the first difference says most.
std::vector<std::string> network_lines(const ResultReader& result) {
  std::vector<std::string> out;
  const auto shapes = result.output_shapes();
  const auto network = result.network();
  for (size_t i = 0; i < network.size(); ++i)
    out.push_back(fmt::format("node {} ({} of {}, output {}, {} parameters, {} channels)",
                              network[i].name, network[i].kind, network[i].inputs, shapes.at(i),
                              network[i].parameters, network[i].channels));
  return out;
}

std::vector<std::string> snapshot_lines(const ResultReader& result) {
  std::vector<std::string> out;
  for (const SnapshotLabel& s : result.snapshots())
    out.push_back(
        fmt::format("snapshot {} ({} at epoch {}, step {})", s.index, s.variant, s.epoch, s.step));
  return out;
}

/// Axes with their sizes and labels, as the root group has them.
std::vector<std::string> axis_lines(const ResultReader& result) {
  std::vector<std::string> out;
  const h5::File& file = result.file();
  for (const std::string& name : file.names()) {
    if (file.is_group(name)) continue;
    const h5::Dataset array = file.dataset(name);
    out.push_back(fmt::format("axis or label {} of {} entries", name, array.elements()));
  }
  return out;
}

std::vector<std::string> array_lines(const ResultReader& result) {
  std::vector<std::string> out;
  for (const char* group : {"networkwise", "layerwise"})
    for (const std::string& path : result.arrays(group)) {
      const h5::Dataset array = result.file().dataset(path);
      out.push_back(fmt::format("array /{} of {} on [{}]", path,
                                array.content() == h5::Content::integers ? "counts" : "numbers",
                                fmt::join(array.axis_names(), ", ")));
    }
  return out;
}

std::vector<std::string> training_lines(const ResultReader& result) {
  std::vector<std::string> out;
  const h5::File& file = result.file();
  const auto steps = file.dataset("training/step").read<int64_t>(),
             epochs = file.dataset("training/epoch").read<int64_t>();
  for (size_t i = 0; i < steps.size(); ++i)
    out.push_back(fmt::format("training row of epoch {}, step {}", epochs.at(i), steps[i]));
  return out;
}

[[noreturn]] void refuse(const ResultReader& a, const ResultReader& b, const std::string& why) {
  throw_error<ConfigError>(
      "merge: {} and {}: {}; accepted: runs of one experiment with other seeds",
      a.file().path().string(), b.file().path().string(), why);
}

void check_lines(const ResultReader& a, const ResultReader& b,
                 std::vector<std::string> (*lines_of)(const ResultReader&)) {
  const auto of_a = lines_of(a), of_b = lines_of(b);
  for (size_t i = 0; i < std::max(of_a.size(), of_b.size()); ++i) {
    const std::string in_a = i < of_a.size() ? of_a[i] : "nothing more",
                      in_b = i < of_b.size() ? of_b[i] : "nothing more";
    if (in_a != in_b) refuse(a, b, fmt::format("{} against {}", in_a, in_b));
  }
}

void check_arrays(const ResultReader& a, const ResultReader& b) {
  const auto of_a = array_lines(a), of_b = array_lines(b);
  for (const auto& [own, other, which] :
       {std::tuple(&of_a, &of_b, "first"), std::tuple(&of_b, &of_a, "second")})
    for (const std::string& line : *own)
      if (std::ranges::find(*other, line) == other->end())
        refuse(a, b, fmt::format("only the {} one has {}", which, line));
}

/// Bins that hold no number have NaN edges.
bool are_same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

void check_labels(const ResultReader& a, const ResultReader& b) {
  const auto of_a = extra_axes(a), of_b = extra_axes(b);
  for (size_t i = 0; i < of_a.size(); ++i)
    for (size_t l = 0; l < of_a[i].labels.size(); ++l)
      if (!are_same(of_a[i].labels[l].values, of_b.at(i).labels.at(l).values))
        refuse(a, b,
               fmt::format("the values of the label {} of the axis {} differ",
                           of_a[i].labels[l].quantity.name, of_a[i].name));
}

void check_configs(const ResultReader& a, const ResultReader& b) {
  const std::string ignored[] = {"seed", "name", "output"};
  const auto differences = experiment_differences(a, b, ignored);
  if (differences.empty()) return;
  std::string why = "their configs differ: ";
  constexpr size_t most = 5;
  for (size_t i = 0; i < std::min(differences.size(), most); ++i)
    why += fmt::format("{}{}: {} against {}", i ? ", " : "", differences[i].key, differences[i].a,
                       differences[i].b);
  if (differences.size() > most) why += fmt::format(" and {} more", differences.size() - most);
  refuse(a, b, why);
}

std::string attribute(const h5::Dataset& array, const char* name) {
  return array.has_attribute(name) ? array.text(name) : "";
}

}  // namespace

void check_mergeable(Runs runs) {
  std::map<int64_t, const ResultReader*> seeds;
  for (const auto& run : runs) {
    if (run->is_merged())
      throw_error<ConfigError>("merge: {}: is merged already; accepted: results of single runs",
                               run->file().path().string());
    const int64_t seed = run->file().integer("seed");
    if (const auto [found, is_new] = seeds.emplace(seed, run.get()); !is_new)
      refuse(*found->second, *run, fmt::format("both have the seed {}", seed));
  }
  for (const auto& run : runs.subspan(1)) {
    const ResultReader& first = *runs[0];
    check_lines(first, *run, network_lines);
    check_configs(first, *run);
    check_lines(first, *run, snapshot_lines);
    check_lines(first, *run, training_lines);
    check_lines(first, *run, axis_lines);
    check_labels(first, *run);
    check_arrays(first, *run);
  }
}

Facts shared_provenance(Runs runs) {
  const auto fact_in = [](const ResultReader& run, const std::string& name) -> Fact {
    const h5::Group group = run.file().group("provenance");
    return group.has_attribute(name) ? fact_of(group, name) : std::string();
  };
  Facts out;
  for (const std::string& name : runs[0]->file().group("provenance").attributes()) {
    const Fact fact = fact_in(*runs[0], name);
    if (name == "experiment" ||
        std::ranges::all_of(runs, [&](const auto& run) { return fact_in(*run, name) == fact; }))
      out.emplace_back(name, fact);
  }
  return out;
}

std::vector<ExtraAxis> extra_axes(const ResultReader& result) {
  const std::vector<std::string> standard = {"snapshot", "layer", "channel", "training_row"};
  const h5::File& file = result.file();
  std::vector<ExtraAxis> out;
  for (const std::string& name : file.names()) {
    if (file.is_group(name) || std::ranges::find(standard, name) != standard.end()) continue;
    const h5::Dataset scale = file.dataset(name);
    if (!scale.is_scale()) continue;
    ExtraAxis axis{name, attribute(scale, "long_name"), scale.elements(), {}};
    if (scale.content() == h5::Content::floats) axis.places = scale.read<double>();
    for (const std::string& label : file.names()) {
      if (file.is_group(label)) continue;
      const h5::Dataset values = file.dataset(label);
      if (values.axis_names() != std::vector<std::string>{name}) continue;
      axis.labels.push_back({{label, attribute(values, "units"), attribute(values, "long_name"),
                              attribute(values, "formula"), ""},
                             values.read<double>()});
    }
    out.push_back(std::move(axis));
  }
  return out;
}

double mean_of(std::span<const double> values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

std::vector<double> merged_column(Runs runs, const std::string& path,
                                  const std::function<double(std::span<const double>)>& merge) {
  std::vector<std::vector<double>> columns;
  for (const auto& run : runs) columns.push_back(run->file().dataset(path).read<double>());
  std::vector<double> out, entry(runs.size());
  for (size_t i = 0; i < columns[0].size(); ++i) {
    for (size_t r = 0; r < runs.size(); ++r) entry[r] = columns[r].at(i);
    out.push_back(merge(entry));
  }
  return out;
}

int64_t partly_missing(const std::vector<std::vector<double>>& runs) {
  int64_t out = 0;
  for (size_t i = 0; i < runs[0].size(); ++i) {
    size_t missing = 0;
    for (const auto& run : runs) missing += std::isnan(run.at(i));
    out += missing > 0 && missing < runs.size();
  }
  return out;
}

}  // namespace quantdyn
