#include "experiments/results/result_reader.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "experiments/results/open_result.h"
#include "framework/base/error.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

h5::Dataset column(const h5::File& file, const std::string& path) {
  h5::Dataset out = file.dataset(path);
  if (const auto sizes = out.sizes(); sizes.size() != 1)
    throw_error<ConfigError>("{}: has the shape [{}]; expected one axis", out.where(),
                             fmt::join(sizes, ", "));
  return out;
}
std::vector<int64_t> integers(const h5::File& file, const std::string& path) {
  const h5::Dataset out = column(file, path);
  if (out.content() != h5::Content::integers)
    throw_error<ConfigError>("{}: expected whole numbers, found another type", out.where());
  return out.read<int64_t>();
}
std::vector<std::string> texts(const h5::File& file, const std::string& path) {
  return column(file, path).read_texts();
}

}  // namespace

bool looks_like_hdf5(const fs::path& path) {
  if (!fs::is_regular_file(path)) return false;  // a pipe would be waited for
  std::string start(8, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(start.data(), 8);
  return in && start == "\x89HDF\r\n\x1a\n";
}

Fact fact_of(const h5::Group& group, const std::string& name) {
  switch (group.attribute_content(name)) {
    case h5::Content::integers:
      return group.integer(name);
    case h5::Content::floats:
      return group.number(name);
    default:
      return group.text(name);
  }
}

std::vector<int64_t> sizes_of(std::string shape) {
  std::ranges::replace_if(
      shape, [](char c) { return c == '[' || c == ']' || c == ','; }, ' ');
  std::istringstream in(shape);
  std::vector<int64_t> sizes;
  for (int64_t size; in >> size;) sizes.push_back(size);
  return sizes;
}

ResultReader::ResultReader(const fs::path& path) : ResultReader(open_result(path)) {}

ResultReader::ResultReader(h5::File file) : file_(std::move(file)) {
  const auto indices = integers(file_, "snapshot"), epochs = integers(file_, "epoch"),
             steps = integers(file_, "step");
  const auto variants = texts(file_, "variant");
  if (epochs.size() != indices.size() || steps.size() != indices.size() ||
      variants.size() != indices.size())
    throw_error<Error>("{}: snapshot, epoch, step and variant differ in length",
                       file_.path().string());
  layers_ = column(file_, "layer").elements();
  channels_ = column(file_, "channel").elements();
  for (size_t i = 0; i < indices.size(); ++i)
    snapshots_.push_back({indices[i], epochs[i], steps[i], variants[i]});
  if (!file_.has("training")) return;
  const auto trained = integers(file_, "training/epoch"), last = integers(file_, "training/step");
  if (trained.size() != last.size())
    throw_error<Error>("{}: the columns of /training differ in length", file_.path().string());
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
                            offsets.size(), channels.size(), static_cast<size_t>(layers_)})
    if (size != n)
      throw_error<Error>("{}: the columns of /network differ in length", file_.path().string());
  std::vector<NodeRow> rows;
  int64_t end = 0, all_parameters = 0, all_products = 0;
  for (size_t i = 0; i < n; ++i) {
    if (offsets[i] != end || channels[i] < 0 || channels[i] > channels_ - end)
      throw_error<ConfigError>(
          "{}: /network: node '{}' has {} channels from {} on; expected them from {} to at most {}",
          file_.path().string(), names[i], channels[i], offsets[i], end, channels_);
    end += channels[i];
    if (parameters[i] < 0 ||
        __builtin_add_overflow(all_parameters, parameters[i], &all_parameters) || products[i] < 0 ||
        __builtin_add_overflow(all_products, products[i], &all_products))
      throw_error<ConfigError>(
          "{}: /network: node '{}' has {} parameters and {} multiply-accumulates; expected counts",
          file_.path().string(), names[i], parameters[i], products[i]);
    rows.push_back({.name = names[i],
                    .kind = kinds[i],
                    .inputs = inputs[i],
                    .output = Shape(),
                    .parameters = parameters[i],
                    .multiply_accumulates = products[i],
                    .channel_offset = offsets[i],
                    .channels = channels[i]});
  }
  return rows;
}

std::vector<std::string> ResultReader::output_shapes() const {
  auto out = texts(file_, "network/output_shape");
  if (static_cast<int64_t>(out.size()) != layers_)
    throw_error<ConfigError>("{}: /network/output_shape has {} entries; expected {}",
                             file_.path().string(), out.size(), layers_);
  return out;
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

void ResultReader::require_shape(const std::string& path, const h5::Dataset& array) const {
  std::vector<int64_t> expected{static_cast<int64_t>(snapshots_.size())};
  if (path.starts_with("layerwise/")) expected.push_back(layers_);
  if (path.starts_with("channelwise/")) expected.push_back(channels_);
  const std::vector<int64_t> sizes = array.sizes();
  if (sizes.size() >= expected.size() &&
      std::equal(expected.begin(), expected.end(), sizes.begin()) &&
      std::ranges::find(sizes, 0) == sizes.end())
    return;
  throw_error<ConfigError>("{}: has the shape [{}]; expected [{}] and further axes, none empty",
                           array.where(), fmt::join(sizes, ", "), fmt::join(expected, ", "));
}

std::vector<double> ResultReader::row(const std::string& path,
                                      const SnapshotLabel& snapshot) const {
  if (!file_.has(path)) return {};
  const h5::Dataset array = file_.dataset(path);
  require_shape(path, array);
  return array.read_rows<double>(static_cast<int64_t>(place_of(snapshot)), 1);
}

}  // namespace quantdyn
