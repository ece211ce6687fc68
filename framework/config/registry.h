// Plugins by the name they have in YAML.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/options.h"

namespace quantdyn {

/// Makes a `Product` from its options and `Args`: an optimizer, a dataset, a quantizer.
///
/// A plugin is one .cpp with a class in an anonymous namespace and
///   const Registered<Optimizer> sgd{"sgd", "stochastic gradient descent", make_sgd};
/// in a library that is linked whole.
template <typename Product, typename... Args>
class Registry {
 public:
  using Factory = std::function<std::unique_ptr<Product>(const Options&, Args...)>;
  struct Entry {
    std::string summary;
    Factory make;
  };

  static Registry& instance() {
    static Registry registry;
    return registry;
  }

  const std::map<std::string, Entry>& entries() const { return entries_; }
  void add(std::string name, Entry entry) { entries_.emplace(std::move(name), std::move(entry)); }

  /// Makes the plugin that `options` (from Options::plugin) names; ConfigError if there is none.
  std::unique_ptr<Product> make(const Options& options, Args... args) const {
    const std::string name = options.plugin_name();
    const auto found = entries_.find(name);
    if (found == entries_.end())
      options.refuse("name", "unknown name '" + name + "'; accepted: " + names());
    return found->second.make(options, std::forward<Args>(args)...);
  }
  /// "adam, sgd".
  std::string names() const {
    std::string out;
    for (const auto& [name, entry] : entries_) out += (out.empty() ? "" : ", ") + name;
    return out;
  }

 private:
  std::map<std::string, Entry> entries_;
};

/// Adds a plugin to its registry when the program starts.
template <typename Product, typename... Args>
struct Registered {
  Registered(std::string name, std::string summary,
             typename Registry<Product, Args...>::Factory make) {
    Registry<Product, Args...>::instance().add(std::move(name),
                                               {std::move(summary), std::move(make)});
  }
};

}  // namespace quantdyn
