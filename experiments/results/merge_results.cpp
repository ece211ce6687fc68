#include "experiments/results/merge_results.h"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstring>
#include <memory>

#include "experiments/results/assemble_result.h"
#include "experiments/results/merge_checks.h"
#include "experiments/results/process_facts.h"
#include "experiments/results/result_layout.h"
#include "experiments/results/result_reader.h"
#include "experiments/results/result_statistics.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"
#include "framework/base/hash.h"
#include "framework/base/version.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

using Readers = std::vector<std::unique_ptr<ResultReader>>;

constexpr const char* mean_formula = "mean over the axis run; NaN where a run has none";
constexpr const char* interval_formula =
    "t_{0.975, n-1} s / sqrt(n), s^2 = sum_r (x_r - mean)^2 / (n - 1), n runs (Student 1908)";

/// How one array of the runs is merged.
enum class Part { mean, interval, runs, sum };

struct MergedArray {
  std::string source;  ///< path in every run
  Part part;
};

std::string attribute(const h5::Dataset& array, const char* name) {
  return array.has_attribute(name) ? array.text(name) : "";
}

/// Values of all runs, [value][run], to one row of a merged array.
void merge_row(Part part, const std::vector<std::vector<double>>& runs, std::span<std::byte> row) {
  const size_t n = runs.size(), values = runs[0].size();
  std::vector<double> of_value(n), out;
  for (size_t i = 0; i < values; ++i) {
    for (size_t r = 0; r < n; ++r) of_value[r] = runs[r][i];
    if (part == Part::runs) out.insert(out.end(), of_value.begin(), of_value.end());
    if (part == Part::mean) out.push_back(mean_of(of_value));
    if (part == Part::interval) out.push_back(interval_95(of_value));
  }
  if (out.size() * sizeof(double) != row.size())
    throw_error<Error>("merge: a row of {} values for one of {} bytes", out.size(), row.size());
  std::memcpy(row.data(), out.data(), row.size());
}

/// Which arrays the merged file has, and where they come from.
class Plan {
 public:
  explicit Plan(const ResultReader& first) {
    for (const char* group : {"networkwise", "layerwise"})
      for (const std::string& path : first.arrays(group)) add(first, path);
  }
  const StatisticCatalogue& catalogue() const { return catalogue_; }
  size_t sources() const { return sources_; }

  /// A snapshot's rows from all runs; `partly` counts values that some runs have and others lack.
  StatisticsWriter::Source rows_of(const Readers& runs, size_t snapshot, int64_t& partly) const {
    return [this, &runs, snapshot, &partly](const std::string& path, h5::Type,
                                            std::span<std::byte> row) {
      const MergedArray& merged = arrays_.at(path);
      const auto place = static_cast<int64_t>(snapshot);
      if (merged.part == Part::sum) {
        sum_row(runs, merged.source, place, row);
        return true;
      }
      std::vector<std::vector<double>> values;
      for (const auto& run : runs)
        values.push_back(run->file().dataset(merged.source).read_rows<double>(place, 1));
      if (merged.part == Part::mean) partly += partly_missing(values);
      merge_row(merged.part, values, row);
      return true;
    };
  }

 private:
  static void sum_row(const Readers& runs, const std::string& source, int64_t place,
                      std::span<std::byte> row) {
    std::vector<uint64_t> sum(row.size() / sizeof(uint64_t), 0);
    for (const auto& run : runs) {
      const auto counts = run->file().dataset(source).read_rows<uint64_t>(place, 1);
      for (size_t i = 0; i < sum.size(); ++i)
        if (__builtin_add_overflow(sum[i], counts.at(i), &sum[i]))
          throw_error<Error>("merge: {}: the sum of the counts does not fit 64 bits", source);
    }
    std::memcpy(row.data(), sum.data(), row.size());
  }

  void add(const ResultReader& first, const std::string& path) {
    const h5::Dataset array = first.file().dataset(path);
    const auto axes = first.axes(path);
    const Quantity quantity{.name = path.substr(path.rfind('/') + 1),
                            .units = attribute(array, "units"),
                            .long_name = attribute(array, "long_name"),
                            .formula = attribute(array, "formula")};
    ++sources_;
    if (array.content() == h5::Content::integers) {
      put(path, path, Part::sum, quantity, ", summed over the runs", "", axes);
      return;
    }
    put(path, path, Part::mean, quantity, ", mean over the runs", mean_formula, axes);
    put(path + "_interval", path, Part::interval, quantity,
        ", half-width of the 95 % confidence interval of the mean", interval_formula, axes);
    if (axes.size() > 1) return;
    std::vector<std::string> with_run = axes;
    with_run.emplace_back("run");
    put(path + "_runs", path, Part::runs, quantity, ", of every run", "", with_run);
  }

  void put(const std::string& path, const std::string& source, Part part, const Quantity& quantity,
           const std::string& what, const std::string& formula,
           const std::vector<std::string>& axes) {
    Quantity own = quantity;
    own.name = path.substr(path.rfind('/') + 1);
    own.long_name += what;
    if (!formula.empty())
      own.formula = formula + (quantity.formula.empty() ? "" : "; x = " + quantity.formula);
    Frame::Array shell{own, Frame::Scope::network, "", 1, std::vector<double>{}};
    if (part == Part::sum) shell.values = std::vector<uint64_t>{};
    StatisticArray statistic(shell);
    statistic.group = path.substr(0, path.rfind('/'));
    statistic.axes = axes;
    catalogue_.emplace(path, std::move(statistic));
    arrays_.emplace(path, MergedArray{source, part});
  }

  StatisticCatalogue catalogue_;
  std::map<std::string, MergedArray> arrays_;
  size_t sources_ = 0;
};

/// Facts of the merged file: what all runs share, and what is the same in all of their provenance.
RunFacts merged_facts(const Readers& runs, const std::string& command_line) {
  RunFacts out = read_facts(*runs[0]);
  out.command_line = command_line;
  out.created = now_utc();
  out.git_revision = revision();
  out.version = library_version;
  out.provenance = shared_provenance(runs);
  out.images.clear();  // each run has its own
  ExtraAxis run{"run", "number of the merged run", static_cast<int64_t>(runs.size()), {}};
  AxisLabel seeds{{.name = "run_seed", .units = "1", .long_name = "seed of the run"}, {}};
  for (const auto& r : runs) seeds.values.push_back(static_cast<double>(r->file().integer("seed")));
  run.labels = {std::move(seeds)};
  out.axes.push_back(std::move(run));
  return out;
}

/// The rows of /training that write_facts() writes; their values are filled in afterwards.
std::vector<TrainingRow> training_rows(const Readers& runs) {
  std::vector<TrainingRow> out = read_training(*runs[0]);
  const auto take_mean = [&](const char* name, double TrainingRow::*column) {
    const auto means = merged_column(runs, std::string("training/") + name, mean_of);
    for (size_t i = 0; i < out.size(); ++i) out[i].*column = means[i];
  };
  take_mean("loss", &TrainingRow::loss);
  take_mean("accuracy", &TrainingRow::accuracy);
  take_mean("learning_rate", &TrainingRow::learning_rate);
  take_mean("seconds", &TrainingRow::seconds);
  return out;
}

/// Columns of /training that write_facts() does not know, and the intervals of all.
void write_training_intervals(h5::File& file, const ResultAxes& axes, const Readers& runs) {
  const std::string axis[] = {"training_row"};
  h5::Group group = file.group("training");
  const h5::Group source = runs[0]->file().group("training");
  for (const std::string& name : source.names()) {
    if (runs[0]->file().has(name)) continue;  // the axis
    const h5::Dataset array = source.dataset(name);
    if (array.content() != h5::Content::floats || array.sizes().size() != 1) continue;
    const auto write = [&](const std::string& as, const char* what, const char* formula,
                           const std::vector<double>& values) {
      const Quantity quantity{.name = as,
                              .units = attribute(array, "units"),
                              .long_name = attribute(array, "long_name") + what,
                              .formula = formula};
      axes.make(group, quantity, h5::Type::float64, axis)
          .write_rows(h5::Type::float64, 0, -1, values.data());
    };
    const std::string path = "training/" + name;
    if (!group.has(name))
      write(name, ", mean over the runs", mean_formula, merged_column(runs, path, mean_of));
    write(name + "_interval", ", half-width of the 95 % confidence interval of the mean",
          interval_formula, merged_column(runs, path, interval_95));
  }
}

void write_sources(h5::File& file, const Readers& runs) {
  std::vector<int64_t> seeds;
  std::vector<std::string> names, sums;
  for (const auto& run : runs) {
    seeds.push_back(run->file().integer("seed"));
    names.push_back(run->file().path().string());
    sums.push_back(sha256_of_file(run->file().path()));
  }
  file.set("merged_seeds", std::span<const int64_t>(seeds));
  file.set("merged_files", std::span<const std::string>(names));
  file.set("merged_sha256", std::span<const std::string>(sums));
  file.set("left_out",
           "channelwise (channels of different seeds do not correspond), weights, "
           "quantization");
}

void check_output(const MergeRequest& request) {
  const std::string output = request.output.string();
  if (output.empty()) throw_error<ConfigError>("merge: --output is missing; expected a file name");
  if (request.output.extension() != ".h5" && request.output.extension() != ".hdf5")
    throw_error<ConfigError>("--output {}: accepted: a name that ends in .h5 or .hdf5", output);
  std::error_code ignored;
  for (const fs::path& result : request.results)
    if (fs::equivalent(request.output, result, ignored))
      throw_error<ConfigError>("--output {}: is one of the merged results; accepted: another name",
                               output);
  if (fs::exists(request.output, ignored) && !request.force)
    throw_error<ConfigError>(
        "--output {}: is there already; accepted: another name, or --force to replace it", output);
}

}  // namespace

double interval_95(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (double v : values) sum += v;
  for (double v : values) squares += (v - sum / n) * (v - sum / n);
  if (!std::isfinite(squares)) return std::nan("");
  const boost::math::students_t_distribution<double> student(n - 1);
  return boost::math::quantile(student, 0.975) * std::sqrt(squares / (n - 1) / n);
}

std::string merge_results(const MergeRequest& request) {
  check_output(request);
  if (request.results.size() < 2)
    throw_error<ConfigError>("merge: expected at least two results, found {}",
                             request.results.size());
  Readers runs;
  for (const fs::path& path : request.results) try {
      runs.push_back(std::make_unique<ResultReader>(path));
    } catch (const Error& e) {  // the wrong file was named
      throw ConfigError(e.what());
    }
  check_mergeable(runs);

  const Plan plan(*runs[0]);
  const RunFacts facts = merged_facts(runs, request.command_line);
  const auto training = training_rows(runs);
  h5::File file = h5::File::create(request.output);
  const ResultAxes axes(file, facts, runs[0]->snapshots(), static_cast<int64_t>(training.size()));
  write_facts(file, facts, axes, training);
  write_training_intervals(file, axes, runs);
  StatisticsWriter statistics(file, axes, plan.catalogue());
  int64_t partly = 0;
  for (size_t s = 0; s < runs[0]->snapshots().size(); ++s)
    statistics.append(plan.rows_of(runs, s, partly));
  statistics.finish();
  write_sources(file, runs);
  file.set("status", merged_status);
  const fs::path checksum = request.output.string() + ".sha256";
  fs::remove(checksum);  // an old one would belong to another file
  file.commit();
  write_durably(checksum, fmt::format("{}  {}\n", sha256_of_file(request.output),
                                      request.output.filename().string()));
  std::string out =
      fmt::format("written: {}: {} runs, {} snapshots, {} arrays merged\n", request.output.string(),
                  runs.size(), runs[0]->snapshots().size(), plan.sources());
  if (partly > 0)
    out += fmt::format("{} values are NaN in some runs and not in others: their means are NaN\n",
                       partly);
  return out;
}

}  // namespace quantdyn
