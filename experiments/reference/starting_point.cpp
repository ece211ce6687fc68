#include "experiments/reference/starting_point.h"

#include <filesystem>

#include "experiments/reference/reference.h"
#include "experiments/text/table.h"
#include "framework/config/config_node.h"
#include "framework/config/plugin_library.h"
#include "reference_texts.h"

namespace quantdyn {
namespace {

using Kind = ConfigNode::Kind;

class StartingPoint {
 public:
  explicit StartingPoint(std::string file) : file_(std::move(file)), all_(reference()) {}

  std::string text(const ConfigNode& root) {
    add_mapping(root, "", "");
    if (file_ == "network")
      for (const Described& one : all_)
        if (one.kind == "macro" || one.kind == "layer")
          add_line(fmt::format("  # - {}: ...", one.name),
                   fmt::format("{}quantdyn list {}", one.summary.empty() ? "" : one.summary + ": ",
                               one.name));
    return out_;
  }

 private:
  const Described* find(const std::string& place) const {
    return find_described(all_, file_, place);
  }

  void add_line(const std::string& line, const std::string& comment) {
    constexpr size_t column = 52;  // of the comments, where lines are not longer
    const size_t gap = places(line) + 2 < column ? column - places(line) : 2;
    out_ += comment.empty() ? line + "\n" : line + std::string(gap, ' ') + "# " + comment + "\n";
  }

  /// A key without a default has no value here.
  static std::string default_text(const OptionDescription& option) {
    if (option.default_value == "required") return "";
    return option.default_value.empty() ? "\"\"" : option.default_value;
  }

  static std::string meaning(const OptionDescription& option) {
    return option.accepted.empty() ? option.help
                                   : fmt::format("{}; accepted: {}", option.help, option.accepted);
  }

  /// The keys that are there, then, as comments, those that could be.
  void add_mapping(const ConfigNode& mapping, const std::string& place, const std::string& indent) {
    const Described* const about = find(place);
    for (const auto& [key, value] : mapping.entries) {
      std::string comment;
      if (about)
        for (const OptionDescription& option : about->options)
          if (option.key == key) comment = meaning(option);
      add_key(key, *value, comment, place_below(place, key), indent);
    }
    if (about)
      for (const OptionDescription& option : about->options)
        if (!mapping.find(option.key)) add_absent(option, place, indent);
  }

  void add_key(const std::string& key, const ConfigNode& value, const std::string& comment,
               const std::string& place, const std::string& indent) {
    const bool is_section = find(place) != nullptr;
    if (is_section && value.kind == Kind::map && !value.entries.empty() &&
        !find(place)->options.empty()) {
      add_line(indent + key + ":", comment);
      add_mapping(value, place, indent + "  ");
    } else if (value.kind == Kind::sequence && !value.items.empty() &&
               value.items[0]->kind == Kind::map) {
      add_line(indent + key + ":", comment);
      for (const ConfigNode::Pointer& item : value.items) add_item(*item, place, indent + "  ");
    } else {
      const bool has_keys = is_section && !find(place)->options.empty();
      add_line(indent + key + ": " + emit_inline_yaml(value),
               has_keys ? fmt::format("{}: quantdyn list {}", comment, place) : comment);
    }
  }

  /// An item of a list: with its section's further keys, or in one line.
  void add_item(const ConfigNode& item, const std::string& place, const std::string& indent) {
    const Described* const about = find(place);
    if (about == nullptr || about->options.empty()) {
      add_line(indent + "- " + emit_inline_yaml(item), "");
      return;
    }
    const size_t begin = out_.size();
    add_mapping(item, place, indent + "  ");
    out_.replace(begin, indent.size() + 2, indent + "- ");
  }

  void add_absent(const OptionDescription& option, const std::string& place,
                  const std::string& indent) {
    const std::string below = place_below(place, option.key);
    if (find(below))
      add_line(fmt::format("{}# {}: ...", indent, option.key),
               fmt::format("{}: quantdyn list {}", option.help, below));
    else
      add_line(fmt::format("{}# {}: {}", indent, option.key, default_text(option)),
               meaning(option));
  }

  const std::string file_;
  const std::vector<Described> all_;
  std::string out_;
};

/// A line for editors, where the file's schema was installed or built; else nothing.
std::string schema_line(const std::string& file) {
  std::error_code ignored;
  for (const char* folder : {QUANTDYN_DATA, "."}) {
    const std::filesystem::path schema =
        library_file().parent_path() / folder / (file + ".schema.json");
    if (std::filesystem::exists(schema, ignored))
      return fmt::format("# yaml-language-server: $schema={}\n",
                         std::filesystem::canonical(schema, ignored).string());
  }
  return "";
}

}  // namespace

std::string starting_point(const std::string& file) {
  const bool is_experiment = file == "experiment";
  const char* const text = is_experiment ? texts::new_experiment : texts::new_network;
  const std::string head =
      is_experiment
          ? "# An experiment: `quantdyn validate FILE` checks it, `quantdyn run FILE` runs it.\n"
          : "# A network: `quantdyn inspect FILE` shows its layers; an experiment names it in "
            "`network.file`.\n";
  return schema_line(file) + head +
         "# Comments show what else there is, keys with their defaults; `quantdyn list NAME` says "
         "more.\n" +
         StartingPoint(file).text(*parse_yaml(text, "new " + file));
}

}  // namespace quantdyn
