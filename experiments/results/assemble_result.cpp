#include "experiments/results/assemble_result.h"

#include <future>
#include <map>

#include "experiments/results/merge_checks.h"
#include "experiments/results/result_layout.h"
#include "experiments/results/result_statistics.h"
#include "framework/base/durable_file.h"
#include "framework/base/error.h"
#include "framework/base/hash.h"
#include "framework/base/machine.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

SnapshotLabel label_of(const h5::File& snapshot) {
  const auto number = [&](const char* name) {
    return snapshot.dataset(name).read<int64_t>().at(0);
  };
  return {number("snapshot"), number("epoch"), number("step"),
          snapshot.dataset("variant").read_texts().at(0)};
}

/// Too little room is said before the copy rather than at its end.
void require_space(const fs::path& result, const fs::path& folder, int64_t count) {
  int64_t needed = 0;  // no more than all snapshots have; most file systems share raw tensors
  for (int64_t index = 0; index < count; ++index)
    needed += static_cast<int64_t>(fs::file_size(snapshot_path(folder, index)));
  const int64_t left = disk_limit(result.parent_path()).bytes;
  if (left < needed)
    throw_error<Error>(
        "{}: needs up to {}, its disk has {} left; the snapshots are kept, so make room and run "
        "again",
        result.string(), size_text(needed), size_text(left));
}

/// What has to be known of all snapshots before the first row is written.
struct Contents {
  std::vector<SnapshotLabel> labels;
  StatisticCatalogue catalogue;
  std::map<std::string, int64_t> quantization;  // by variant: the last snapshot that has it
  std::vector<RawTable> tensors;                // by snapshot
  int64_t tensors_end = 0;                      // 0: there are none
};

Contents contents_of(const fs::path& folder, int64_t count) {
  const ChecksumList sums(folder);
  Contents out;
  for (int64_t index = 0; index < count; ++index) {
    const fs::path path = snapshot_path(folder, index);
    if (const std::string problem = sums.problem(path.filename().string()); !problem.empty())
      throw_error<Error>("{}; no result was written", problem);
    const h5::File snapshot = h5::File::open(path);
    out.labels.push_back(label_of(snapshot));
    add_to_catalogue(out.catalogue, snapshot);
    out.tensors.push_back(RawTable::read(snapshot));
    if (!out.tensors.back().arrays.empty())
      out.tensors_end = std::max(out.tensors_end, out.tensors.back().end());
    const std::string variant = out.labels.back().variant;
    if (snapshot.has("quantization/" + variant)) out.quantization[variant] = index;
  }
  return out;
}

void require_as_written(const Contents& contents, const fs::path& file) {
  for (const RawTable& tensors : contents.tensors)
    if (const std::string problem = tensors.problem(file); !problem.empty())
      throw_error<Error>("{}; no result was written", problem);
}

}  // namespace

fs::path snapshot_path(const fs::path& folder, int64_t index) {
  return folder / fmt::format("snapshot-{:04}.h5", index);
}

std::string problem_of(const ChecksumList& sums, const fs::path& folder, int64_t index) {
  const fs::path path = snapshot_path(folder, index);
  const std::string problem = sums.problem(path.filename().string());
  if (!problem.empty()) return problem;
  return RawTable::read(h5::File::open(path)).problem(folder / RawFile::file_name);
}

SnapshotLabel read_label(const fs::path& snapshot) { return label_of(h5::File::open(snapshot)); }

RunFacts read_run_facts(const h5::File& file) {
  const auto text = [&](const char* path) { return file.dataset(path).read_texts().at(0); };
  RunFacts out;
  out.raw_yaml = text("config/raw");
  out.resolved_yaml = text("config/resolved");
  out.network_yaml = text("config/network");
  out.seed = static_cast<uint64_t>(file.integer("seed"));
  out.command_line = file.text("command_line");
  out.created = file.text("created");
  out.git_revision = file.text("git_revision");
  out.version = file.text("version");
  const h5::Group provenance = file.group("provenance");
  for (const std::string& name : provenance.attributes())
    out.provenance.emplace_back(name, fact_of(provenance, name));
  if (file.is_group("images"))
    for (const std::string& use : file.group("images").names())
      out.images[use] = file.dataset("images/" + use).read<int64_t>();
  return out;
}

RunFacts read_facts(const ResultReader& reader) {
  RunFacts out = read_run_facts(reader.file());
  out.network = reader.network();
  const auto shapes = reader.output_shapes();
  for (size_t i = 0; i < shapes.size(); ++i) out.network[i].output = Shape(sizes_of(shapes[i]));
  out.axes = extra_axes(reader);
  return out;
}

std::vector<TrainingRow> read_training(const ResultReader& reader) {
  const h5::Group group = reader.file().group("training");
  const auto column = [&](const char* name) { return group.dataset(name).read<double>(); };
  const auto steps = group.dataset("step").read<int64_t>(),
             epochs = group.dataset("epoch").read<int64_t>();
  const auto loss = column("loss"), accuracy = column("accuracy"), rate = column("learning_rate"),
             seconds = column("seconds");
  std::vector<TrainingRow> out;
  for (size_t i = 0; i < steps.size(); ++i)
    out.push_back({.step = steps[i],
                   .epoch = epochs.at(i),
                   .loss = loss.at(i),
                   .accuracy = accuracy.at(i),
                   .learning_rate = rate.at(i),
                   .seconds = seconds.at(i)});
  return out;
}

void assemble_result(const fs::path& result, const RunFacts& facts,
                     std::span<const TrainingRow> training, const fs::path& folder, int64_t count,
                     const std::string& status) {
  if (count == 0) throw_error<Error>("result: no snapshot was taken, so there is nothing to write");
  const Contents contents = contents_of(folder, count);
  require_space(result, folder, count);
  h5::File file =
      contents.tensors_end > 0
          ? h5::File::create_around(result, folder / RawFile::file_name, contents.tensors_end)
          : h5::File::create(result);
  for (int64_t index = 0; index < count; ++index)
    adopt_tensors(file, index, contents.tensors[static_cast<size_t>(index)]);
  const ResultAxes axes(file, facts, contents.labels, static_cast<int64_t>(training.size()));
  write_facts(file, facts, axes, training);
  StatisticsWriter statistics(file, axes, contents.catalogue);
  for (int64_t index = 0; index < count; ++index) {
    const h5::File snapshot = h5::File::open(snapshot_path(folder, index));
    statistics.append(snapshot);
    const std::string weights = fmt::format("weights/{}", index);
    if (snapshot.has(weights)) file.copy(weights, snapshot, weights);
  }
  statistics.finish();
  for (const auto& [variant, index] : contents.quantization) {
    const std::string group = "quantization/" + variant;
    file.copy_with_scales(group, h5::File::open(snapshot_path(folder, index)), group);
  }
  file.set("status", status);

  const fs::path checksum = result.string() + ".sha256";
  std::string sum;
  file.commit([&](const fs::path& part) {
    auto checked = std::async(std::launch::async, [&] { require_as_written(contents, part); });
    sum = sha256_of_file(part);
    checked.get();
    // A result without a checksum is fine, one with a wrong one is not: the old one goes first.
    fs::remove(checksum);
  });
  write_durably(checksum, fmt::format("{}  {}\n", sum, result.filename().string()));
}

}  // namespace quantdyn
