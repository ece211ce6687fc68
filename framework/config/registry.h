// Plugins by the name they have in YAML.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/version.h"
#include "framework/config/options.h"
#include "framework/config/registration.h"

namespace quantdyn {

/// Makes a `Product` from its options and `Args`: an optimizer, a dataset, a quantizer.
///
/// A plugin is one .cpp with a class in an anonymous namespace and
///   const Registered<Optimizer> sgd{"sgd", "stochastic gradient descent", make_sgd};
/// in a library that is linked whole, or loaded by load_plugin_library().
template <typename Product, typename... Args>
class Registry {
 public:
  using Factory = std::function<std::unique_ptr<Product>(const Options&, Args...)>;
  struct Entry {
    std::string summary;
    Factory make;
    /// Among those that are taken where nothing is asked for, the least first; 0: only by name.
    int default_place = 0;
  };

  static Registry& instance() {
    static Registry& registry = *static_cast<Registry*>(shared_object(
        typeid(Registry), []() -> std::shared_ptr<void> { return std::make_shared<Registry>(); }));
    return registry;
  }

  const std::map<std::string, Entry>& entries() const { return entries_; }
  /// Error where another plugin has the name.
  void add(const std::string& name, Entry entry) {
    const auto [found, is_new] = entries_.emplace(name, entry);
    if (!is_new)
      throw_error("two plugins are called '{}': \"{}\" and \"{}\"; accepted: a name of its own",
                  name, found->second.summary, entry.summary);
  }

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
  /// Those with a default_place, in that order.
  std::vector<std::string> default_names() const {
    std::vector<std::string> out;
    for (const auto& [name, entry] : entries_)
      if (entry.default_place > 0) out.push_back(name);
    std::ranges::stable_sort(
        out, {}, [this](const std::string& name) { return entries_.at(name).default_place; });
    return out;
  }

 private:
  std::map<std::string, Entry> entries_;
};

/// Adds a plugin to its registry when the program starts, or its library is loaded. `built_for` is
/// what the plugin's own file was compiled with: a default argument is the caller's.
template <typename Product, typename... Args>
struct Registered {
  Registered(std::string name, std::string summary,
             typename Registry<Product, Args...>::Factory make, int default_place = 0,
             const char* built_for = library_abi) {
    register_plugin(
        {built_for, name, [=] {
           Registry<Product, Args...>::instance().add(name, {summary, make, default_place});
         }});
  }
};

}  // namespace quantdyn
