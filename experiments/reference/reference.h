// Every key that an experiment, a network file and a plugin may have, as the code that reads them
// describes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "framework/config/options.h"

namespace quantdyn {

/// One mapping of a YAML file.
struct Described {
  std::string kind;  ///< "experiment", "network", "macro", or a kind of plugin: "optimizer"
  std::string name;  ///< of a section its place, "train.quantization"; of others their own, "sgd"
  std::string summary;
  std::vector<OptionDescription> options;
  bool takes_any = false;  ///< keys of any other name, too
};

/// All of them: sections of an experiment and of a network file in the order in which they are
/// read, macros, and the plugins of all kinds, those of loaded libraries among them. Of an option
/// that chooses a plugin, `accepted` is "any " and the kind.
std::vector<Described> reference();

/// The one of this kind and name, or nullptr.
const Described* find_described(const std::vector<Described>& all, std::string_view kind,
                                std::string_view name);

/// The kind of plugin that an option chooses: "quantizer"; "activation" of layers that are one.
std::string plugin_kind(const OptionDescription& option);

/// "train.quantization" of "train" and "quantization"; the second where the first is empty.
std::string place_below(const std::string& place, const std::string& key);

}  // namespace quantdyn
