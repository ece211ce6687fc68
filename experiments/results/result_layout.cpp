#include "experiments/results/result_layout.h"

#include <numeric>

#include "framework/base/error.h"

namespace quantdyn {
namespace {

Quantity plain(std::string name, std::string long_name, std::string units = "1") {
  return {std::move(name), std::move(units), std::move(long_name), "", ""};
}

std::vector<int64_t> counting(int64_t n) {
  std::vector<int64_t> out(static_cast<size_t>(n));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

/// One column of a table: a member of every row.
template <typename Row, typename Member>
auto column(std::span<const Row> rows, Member Row::*member) {
  std::vector<Member> out;
  for (const Row& row : rows) out.push_back(row.*member);
  return out;
}

}  // namespace

void describe(h5::Object& array, const Quantity& quantity) {
  array.set("units", quantity.units);
  array.set("long_name", quantity.long_name);
  if (!quantity.formula.empty()) array.set("formula", quantity.formula);
}

void set_fact(h5::Object& object, const std::string& name, const Fact& fact) {
  std::visit([&](const auto& value) { object.set(name, value); }, fact);
}

ResultAxes::ResultAxes(h5::File& file, const RunFacts& facts,
                       std::span<const SnapshotLabel> snapshots, int64_t training_rows) {
  const auto label = [&]<typename T>(const char* axis, const Quantity& quantity,
                                     const std::vector<T>& values) {
    if constexpr (std::is_same_v<T, std::string>)
      add_label(axis, quantity, file.write_texts(quantity.name, values));
    else
      add_label(axis, quantity, file.write(quantity.name, values));
  };
  add("snapshot", "number of the snapshot",
      file.write("snapshot", column(snapshots, &SnapshotLabel::index)));
  label("snapshot", plain("variant", "float32, or the name of a quantization variant"),
        column(snapshots, &SnapshotLabel::variant));
  label("snapshot", plain("epoch", "finished epochs"), column(snapshots, &SnapshotLabel::epoch));
  label("snapshot", plain("step", "finished training steps"),
        column(snapshots, &SnapshotLabel::step));

  const std::span<const NodeRow> network = facts.network;
  add("layer", "name of the node", file.write_texts("layer", column(network, &NodeRow::name)));

  std::vector<std::string> node_of;
  std::vector<int64_t> index_in_node;
  for (const NodeRow& node : network)
    for (int64_t c = 0; c < node.channels; ++c) {
      node_of.push_back(node.name);
      index_in_node.push_back(c);
    }
  add("channel", "channel, all nodes one after the other",
      file.write("channel", counting(static_cast<int64_t>(node_of.size()))));
  label("channel", plain("node", "name of the channel's node"), node_of);
  label("channel", plain("index_in_node", "number of the channel in its node"), index_in_node);

  for (const ExtraAxis& axis : facts.axes) {
    add(axis.name, axis.long_name,
        axis.places.empty() ? file.write(axis.name, counting(axis.size))
                            : file.write(axis.name, axis.places));
    for (const AxisLabel& l : axis.labels) label(axis.name.c_str(), l.quantity, l.values);
  }
  add("training_row", "row of the training curve",
      file.write("training_row", counting(training_rows)));
}

void ResultAxes::add(const std::string& name, const std::string& long_name, h5::Dataset scale) {
  describe(scale, plain(name, long_name));
  scale.make_scale(name);
  axes_.emplace(name, Axis{std::move(scale), {}});
}

void ResultAxes::add_label(const std::string& axis, const Quantity& quantity, h5::Dataset label) {
  Axis& of = axes_.at(axis);
  if (label.elements() != of.scale.elements())
    throw_error<Error>("result: the label {} has {} values, its axis {} has {}", quantity.name,
                       label.elements(), axis, of.scale.elements());
  describe(label, quantity);
  label.attach_scale(0, of.scale);
  of.labels.emplace_back(quantity.name, std::move(label));
}

int64_t ResultAxes::size(const std::string& axis) const {
  const auto found = axes_.find(axis);
  if (found == axes_.end())
    throw_error<Error>("result: a quantity lies on the axis '{}', which the run does not have",
                       axis);
  return found->second.scale.elements();
}

void ResultAxes::join(h5::Group& group, h5::Dataset& array, const Quantity& quantity,
                      std::span<const std::string> axes) const {
  describe(array, quantity);
  std::string coordinates;
  for (size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes_.at(axes[i]);
    array.attach_scale(static_cast<int>(i), axis.scale);
    if (!group.has(axes[i])) group.link(axes[i], axis.scale);
    for (const auto& [name, label] : axis.labels) {
      if (!group.has(name)) group.link(name, label);
      coordinates += (coordinates.empty() ? "" : " ") + name;
    }
  }
  if (!coordinates.empty()) array.set("coordinates", coordinates);
}

h5::Dataset ResultAxes::make(h5::Group& group, const Quantity& quantity, h5::Type type,
                             std::span<const std::string> axes, const h5::Storage& storage) const {
  std::vector<int64_t> sizes;
  for (const std::string& axis : axes) sizes.push_back(size(axis));
  h5::Dataset array = group.make(quantity.name, type, sizes, storage);
  join(group, array, quantity, axes);
  return array;
}

h5::Dataset ResultAxes::make_texts(h5::Group& group, const Quantity& quantity,
                                   const std::string& axis,
                                   std::span<const std::string> values) const {
  h5::Dataset array = group.write_texts(quantity.name, values);
  join(group, array, quantity, std::span(&axis, 1));
  return array;
}

namespace {

template <typename T>
void write_column(const ResultAxes& axes, h5::Group& group, const std::string& axis,
                  const Quantity& quantity, const std::vector<T>& values) {
  axes.make(group, quantity, h5::type_of<T>(), std::span(&axis, 1))
      .write_rows(h5::type_of<T>(), 0, -1, values.data());
}

void write_network(h5::File& file, const ResultAxes& axes, std::span<const NodeRow> rows) {
  h5::Group group = file.make_group("network");
  const auto texts = [&](const char* name, const char* long_name,
                         const std::vector<std::string>& values) {
    axes.make_texts(group, plain(name, long_name), "layer", values);
  };
  const auto numbers = [&](const char* name, const char* long_name, int64_t NodeRow::*member) {
    write_column(axes, group, "layer", plain(name, long_name), column(rows, member));
  };
  texts("name", "name of the node", column(rows, &NodeRow::name));
  texts("kind", "kind of primitive", column(rows, &NodeRow::kind));
  texts("inputs", "names of the nodes that it reads", column(rows, &NodeRow::inputs));
  std::vector<std::string> shapes;
  for (const NodeRow& row : rows) shapes.push_back(row.output.text());
  texts("output_shape", "shape of the output for one image", shapes);
  numbers("parameters", "trained values", &NodeRow::parameters);
  numbers("multiply_accumulates", "multiplications for one image", &NodeRow::multiply_accumulates);
  numbers("channel_offset", "first entry on the axis channel", &NodeRow::channel_offset);
  numbers("channels", "entries on the axis channel", &NodeRow::channels);
}

void write_training(h5::File& file, const ResultAxes& axes, std::span<const TrainingRow> rows) {
  h5::Group group = file.make_group("training");
  const auto write = [&](const Quantity& quantity, auto member) {
    write_column(axes, group, "training_row", quantity, column(rows, member));
  };
  write(plain("step", "finished training steps"), &TrainingRow::step);
  write(plain("epoch", "finished epochs"), &TrainingRow::epoch);
  write(plain("loss", "mean loss over the epoch", "nat"), &TrainingRow::loss);
  write(plain("accuracy", "share of training images classified right over the epoch"),
        &TrainingRow::accuracy);
  write(plain("learning_rate", "learning rate of the epoch's last step"),
        &TrainingRow::learning_rate);
  write(plain("seconds", "duration of the epoch", "s"), &TrainingRow::seconds);
}

}  // namespace

void write_run_facts(h5::File& file, const RunFacts& facts) {
  file.set("schema", result_schema);
  file.set("version", facts.version);
  file.set("git_revision", facts.git_revision);
  file.set("created", facts.created);
  file.set("seed", static_cast<int64_t>(facts.seed));
  file.set("command_line", facts.command_line);
  h5::Group config = file.make_group("config");
  const auto text = [&](const char* name, const char* long_name, const std::string& value) {
    h5::Dataset written = config.write_text(name, value);
    describe(written, plain(name, long_name));
  };
  text("raw", "experiment as given, YAML", facts.raw_yaml);
  text("resolved", "experiment with every default written out, YAML", facts.resolved_yaml);
  text("network", "network as built, YAML", facts.network_yaml);
  h5::Group provenance = file.make_group("provenance");
  for (const auto& [name, fact] : facts.provenance) set_fact(provenance, name, fact);
  for (const auto& [use, places] : facts.images) {
    h5::Dataset written = file.write("images/" + use, places);
    describe(written, plain(use, "places of these images in their data set, in the order of use"));
  }
}

void write_facts(h5::File& file, const RunFacts& facts, const ResultAxes& axes,
                 std::span<const TrainingRow> training) {
  write_run_facts(file, facts);
  write_network(file, axes, facts.network);
  write_training(file, axes, training);
}

namespace {

/// One array of floats without scales, compressed where that is worth it.
void write_floats(h5::File& file, const std::string& path, const Shape& shape,
                  const std::vector<float>& values, const Quantity& quantity) {
  h5::Storage storage;
  if (values.size() > 1024) storage.chunk.assign(shape.sizes().begin(), shape.sizes().end());
  h5::Dataset written = file.write<float>(path, shape.sizes(), values, storage);
  describe(written, quantity);
}

}  // namespace

void write_weights(h5::File& file, int64_t snapshot, std::span<const SavedParameter> weights) {
  for (const SavedParameter& saved : weights)
    write_floats(file, fmt::format("weights/{}/{}/{}", snapshot, saved.node, saved.parameter),
                 saved.shape, saved.values,
                 plain(saved.parameter, saved.parameter + " of " + saved.node));
}

void adopt_tensors(h5::File& file, int64_t snapshot, const RawTable& tensors) {
  for (const RawTable::Array& array : tensors.arrays) {
    const size_t end = array.tensor.find("_gradient");
    const std::string what = end == std::string::npos ? array.tensor
                                                      : "gradient of the mean loss by the " +
                                                            array.tensor.substr(0, end);
    h5::Dataset made =
        file.adopt(fmt::format("tensors/{}/{}/{}", snapshot, array.node, array.tensor),
                   h5::Type::float32, array.shape.sizes(), array.offset);
    describe(made, plain(array.tensor, what + " of " + array.node));
  }
}

namespace {

/// The scales of one /quantization group, made as they are asked for.
class OwnScales {
 public:
  explicit OwnScales(h5::Group& group) : group_(group) {}

  /// An axis whose places are not just 0, 1, 2 ...
  void add(const Quantity& quantity, const std::vector<int64_t>& places) {
    h5::Dataset scale = group_.write(quantity.name, places);
    describe(scale, quantity);
    scale.make_scale(quantity.name);
  }
  template <typename T>
  void write(const Quantity& quantity, std::span<const int64_t> sizes,
             std::span<const std::string> axes, const std::vector<T>& values) {
    if (values.empty()) return;
    h5::Storage storage;
    if (values.size() > 1024) storage.chunk.assign(sizes.begin(), sizes.end());
    h5::Dataset array = group_.write<T>(quantity.name, sizes, values, storage);
    describe(array, quantity);
    for (size_t i = 0; i < axes.size(); ++i) {
      if (!group_.has(axes[i])) add(plain(axes[i], "entry"), counting(sizes[i]));
      array.attach_scale(static_cast<int>(i), group_.dataset(axes[i]));
    }
  }

 private:
  h5::Group& group_;
};

void write_convergence(OwnScales& scales, const QuantizationEntry& entry) {
  const std::string axes[] = {"calibration_images", "quantized_channel"};
  const int64_t sizes[] = {static_cast<int64_t>(entry.convergence_images.size()), entry.rows};
  scales.add(plain(axes[0], "number of calibration images, the first of those of the variant"),
             entry.convergence_images);
  scales.write(plain("convergence_low", "lower end of the range from the first n images"), sizes,
               axes, entry.convergence_low);
  scales.write(plain("convergence_high", "upper end of the range from the first n images"), sizes,
               axes, entry.convergence_high);
}

void write_entry(h5::Group& group, const QuantizationEntry& entry) {
  for (const auto& [name, fact] : entry.facts) set_fact(group, name, fact);
  OwnScales scales(group);
  std::vector<std::string> code_axes;
  for (int i = 0; i < entry.shape.rank(); ++i) code_axes.push_back(fmt::format("axis_{}", i));
  std::visit(
      [&](const auto& codes) {
        scales.write(plain("codes", "integer codes"), entry.shape.sizes(), code_axes, codes);
      },
      entry.codes);
  const int64_t level_sizes[] = {entry.rows,
                                 static_cast<int64_t>(entry.levels.size()) / entry.rows};
  const std::string axes[] = {"quantized_channel", "level"};
  scales.write({.name = "levels",
                .units = "1",
                .long_name = "value of each code, lowest code first",
                .formula = "scale (code - zero_point) where affine"},
               level_sizes, axes, entry.levels);
  const std::span row_size = std::span(level_sizes).first(1);
  const std::span row_axis = std::span(axes).first(1);
  scales.write({.name = "scale",
                .units = "1",
                .long_name = "step between neighbouring codes",
                .formula = "value = scale (code - zero_point)"},
               row_size, row_axis, entry.scale);
  scales.write(plain("zero_point", "code of the value 0"), row_size, row_axis, entry.zero_point);
  if (!entry.convergence_images.empty()) write_convergence(scales, entry);
}

}  // namespace

void write_quantization(h5::File& file, const SnapshotLabel& snapshot,
                        std::span<const QuantizationEntry> entries,
                        std::span<const ReplacedActivation> replaced) {
  if (entries.empty()) return;
  h5::Group variant = file.make_group("quantization/" + snapshot.variant);
  variant.set("snapshot", snapshot.index);
  variant.set("epoch", snapshot.epoch);
  std::vector<std::string> activations;
  for (const ReplacedActivation& one : replaced)
    activations.push_back(fmt::format("{}: {}", one.node, one.kind));
  variant.set("replaced_activations", activations);
  for (const QuantizationEntry& entry : entries) {
    h5::Group group = variant.make_group(entry.node + "/" + entry.tensor);
    write_entry(group, entry);
  }
}

}  // namespace quantdyn
