#include "experiments/results/result_reader.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/hash.h"
#include "framework/base/trial.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

/// libhdf5 may crash on a damaged file, so the bytes are checked before it reads them.
void check_sum(const fs::path& path) {
  const fs::path checksum = path.string() + ".sha256";
  if (!fs::is_regular_file(path) || !fs::exists(checksum)) return;
  std::string expected;
  std::ifstream(checksum) >> expected;
  const std::string found = sha256_of_file(path);
  if (found == expected) return;
  throw_error<Error>(
      "{}: damaged or changed: its SHA-256 is {}, {} says '{}'; remove that file to use the result "
      "anyway",
      path.string(), found, checksum.string(), expected);
}

/// Reads every object below a group, to find what libhdf5 cannot read.
void read_all(const h5::Group& group) {
  for (const std::string& name : group.attributes()) group.attribute_content(name);
  for (const std::string& name : group.names()) {
    if (group.is_group(name)) {
      read_all(group.group(name));
      continue;
    }
    const h5::Dataset array = group.dataset(name);
    array.axis_names();
    if (array.content() == h5::Content::texts) array.read_texts();
    if (array.content() != h5::Content::floats && array.content() != h5::Content::integers)
      continue;
    const auto sizes = array.sizes();
    if (sizes.empty()) array.read<double>();
    if (sizes.empty() || sizes[0] == 0) continue;
    constexpr int64_t most = 1 << 20;
    const int64_t rows = std::clamp<int64_t>(most * sizes[0] / (array.elements() + 1), 1, sizes[0]);
    for (int64_t row = 0; row < sizes[0]; row += rows)
      array.read_rows<double>(row, std::min(rows, sizes[0] - row));
  }
}

bool looks_like_a_result(const h5::File& file) {
  return file.has_attribute("schema") && file.has_attribute("status") && file.has("network");
}

/// In a child process: ends it by a signal if any part of a result cannot be read. An error counts
/// as a crash: libhdf5's memory may be damaged after it, and other parts are still unread.
void read_as_a_whole(const fs::path& path) {
  const h5::File file = h5::File::open(path);
  if (!looks_like_a_result(file)) return;
  try {
    read_all(file);
  } catch (const Error&) {
    std::abort();
  }
}

h5::File open_checked(const fs::path& path) {
  if (fs::is_regular_file(path) && !fs::exists(path.string() + ".sha256"))
    try_reading(path, 600, [&] { read_as_a_whole(path); });
  check_sum(path);
  h5::File file = h5::File::open(path);
  if (!looks_like_a_result(file))
    throw_error<Error>("{}: not a result of quantdyn: it has no schema, status or network",
                       path.string());
  if (file.integer("schema") != result_schema)
    throw_error<Error>("{}: has schema {}; accepted: {}", path.string(), file.integer("schema"),
                       result_schema);
  const std::string status = file.text("status");
  if (status != "complete" && status != "snapshot" && status != merged_status)
    throw_error<Error>("{}: has status '{}'; accepted: complete, snapshot, {}", path.string(),
                       status, merged_status);
  return file;
}

std::vector<int64_t> integers(const h5::File& file, const std::string& path) {
  return file.dataset(path).read<int64_t>();
}
std::vector<std::string> texts(const h5::File& file, const std::string& path) {
  return file.dataset(path).read_texts();
}

}  // namespace

bool looks_like_hdf5(const fs::path& path) {
  std::string start(8, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(start.data(), 8);
  return in && start == "\x89HDF\r\n\x1a\n";
}

std::vector<int64_t> sizes_of(std::string shape) {
  std::ranges::replace_if(
      shape, [](char c) { return c == '[' || c == ']' || c == ','; }, ' ');
  std::istringstream in(shape);
  std::vector<int64_t> sizes;
  for (int64_t size; in >> size;) sizes.push_back(size);
  return sizes;
}

ResultReader::ResultReader(const fs::path& path) : file_(open_checked(path)) {
  const auto indices = integers(file_, "snapshot"), epochs = integers(file_, "epoch"),
             steps = integers(file_, "step");
  const auto variants = texts(file_, "variant");
  if (epochs.size() != indices.size() || steps.size() != indices.size() ||
      variants.size() != indices.size())
    throw_error<Error>("{}: snapshot, epoch, step and variant differ in length", path.string());
  for (size_t i = 0; i < indices.size(); ++i)
    snapshots_.push_back({indices[i], epochs[i], steps[i], variants[i]});
  if (!file_.has("training")) return;
  const auto trained = integers(file_, "training/epoch"), last = integers(file_, "training/step");
  if (trained.size() != last.size())
    throw_error<Error>("{}: the columns of /training differ in length", path.string());
  for (size_t i = 0; i < trained.size(); ++i) last_steps_[trained[i]] = last[i];
}

std::string ResultReader::seeds() const {
  if (!is_merged()) return std::to_string(file_.integer("seed"));
  return fmt::format("{}", fmt::join(file_.numbers("merged_seeds"), ", "));
}

std::vector<NodeRow> ResultReader::network() const {
  const auto names = texts(file_, "network/name"), kinds = texts(file_, "network/kind");
  const auto inputs = texts(file_, "network/inputs");
  const auto parameters = integers(file_, "network/parameters");
  const auto products = integers(file_, "network/multiply_accumulates");
  const auto offsets = integers(file_, "network/channel_offset"),
             channels = integers(file_, "network/channels");
  const size_t n = names.size();
  for (const size_t size : {kinds.size(), inputs.size(), parameters.size(), products.size(),
                            offsets.size(), channels.size()})
    if (size != n)
      throw_error<Error>("{}: the columns of /network differ in length", file_.path().string());
  std::vector<NodeRow> rows;
  for (size_t i = 0; i < n; ++i)
    rows.push_back({.name = names[i],
                    .kind = kinds[i],
                    .inputs = inputs[i],
                    .output = Shape(),
                    .parameters = parameters[i],
                    .multiply_accumulates = products[i],
                    .channel_offset = offsets[i],
                    .channels = channels[i]});
  return rows;
}

std::vector<std::string> ResultReader::output_shapes() const {
  return texts(file_, "network/output_shape");
}

std::string ResultReader::available() const {
  std::string out;
  for (const SnapshotLabel& s : snapshots_)
    out += fmt::format("{}{} at epoch {}{}", out.empty() ? "" : ", ", s.variant, s.epoch,
                       ends_epoch(s) ? "" : fmt::format(" step {}", s.step));
  return out;
}

bool ResultReader::ends_epoch(const SnapshotLabel& snapshot) const {
  if (snapshot.epoch == 0) return snapshot.step == 0;
  const auto found = last_steps_.find(snapshot.epoch);
  return found == last_steps_.end() || found->second == snapshot.step;
}

const SnapshotLabel& ResultReader::last(const std::string& variant) const {
  for (size_t i = snapshots_.size(); i-- > 0;)
    if (snapshots_[i].variant == variant) return snapshots_[i];
  throw_error<Error>("{}: no snapshot of {}; there are: {}", file_.path().string(), variant,
                     available());
}

const SnapshotLabel& ResultReader::at_epoch(int64_t epoch, const std::string& variant) const {
  for (const SnapshotLabel& snapshot : snapshots_)
    if (snapshot.variant == variant && snapshot.epoch == epoch && ends_epoch(snapshot))
      return snapshot;
  throw_error<Error>("{}: no snapshot of {} at epoch {}; there are: {}", file_.path().string(),
                     variant, epoch, available());
}

std::vector<float> ResultReader::parameter(const SnapshotLabel& snapshot, const std::string& node,
                                           const std::string& name, const Shape& shape) const {
  const std::string weights = fmt::format("weights/{}", snapshot.index);
  const std::string file = file_.path().string();
  if (!file_.has(weights))
    throw_error<Error>(
        "{}: no weights in snapshot {} ({} at epoch {}, step {}); track.weights says which "
        "snapshots keep them",
        file, snapshot.index, snapshot.variant, snapshot.epoch, snapshot.step);
  const h5::Group nodes = file_.group(weights);
  if (!nodes.has(node))
    throw_error<Error>("{}: no weights of node '{}'; there are: {}", file, node,
                       fmt::join(nodes.names(), ", "));
  const h5::Group parameters = nodes.group(node);
  if (!parameters.has(name))
    throw_error<Error>("{}: node '{}' has no parameter '{}'; there are: {}", file, node, name,
                       fmt::join(parameters.names(), ", "));
  const h5::Dataset array = parameters.dataset(name);
  if (array.sizes() != std::vector<int64_t>(shape.sizes().begin(), shape.sizes().end()))
    throw_error<Error>("{}: parameter '{}' of node '{}' has the shape [{}]; the net expects {}",
                       file, name, node, fmt::join(array.sizes(), ", "), shape.text());
  return array.read<float>();
}

size_t ResultReader::place_of(const SnapshotLabel& snapshot) const {
  for (size_t i = 0; i < snapshots_.size(); ++i)
    if (snapshots_[i].index == snapshot.index) return i;
  throw_error<Error>("{}: no snapshot {}", file_.path().string(), snapshot.index);
}

std::vector<std::string> ResultReader::arrays(const std::string& group) const {
  std::vector<std::string> out;
  if (!file_.is_group(group)) return out;
  for (const std::string& name : file_.group(group).names()) {
    const std::string path = group + "/" + name;
    if (file_.is_group(path)) {
      const auto below = arrays(path);
      out.insert(out.end(), below.begin(), below.end());
      continue;
    }
    if (file_.has(name)) continue;  // axes and labels are linked from the root
    const auto names = file_.dataset(path).axis_names();
    if (!names.empty() && names[0] == "snapshot") out.push_back(path);
  }
  return out;
}

std::vector<std::string> ResultReader::axes(const std::string& path) const {
  auto names = file_.dataset(path).axis_names();
  if (names.empty()) throw_error<Error>("{}: {} is a scalar", file_.path().string(), path);
  names.erase(names.begin());
  return names;
}

std::vector<double> ResultReader::row(const std::string& path,
                                      const SnapshotLabel& snapshot) const {
  if (!file_.has(path)) return {};
  return file_.dataset(path).read_rows<double>(static_cast<int64_t>(place_of(snapshot)), 1);
}

}  // namespace quantdyn
