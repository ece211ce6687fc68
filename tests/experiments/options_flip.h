// Flips every option of a plugin, one by one, and sees what the plugin does change.
//
// Which options there are comes from the plugins themselves: a plugin, or an option of one, without
// a flip fails the test.
#pragma once

#include <boost/test/unit_test.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/registry.h"
#include "tests/errors.h"

namespace quantdyn::test {

using Numbers = std::vector<double>;

/// An option's two settings, each after what else the plugin needs to be told; `refusal`: what is
/// said of the other one, where the option is a check (how many images a file has).
struct Flip {
  std::string base, one, other;
  std::string refusal = {};
};
using Flips = std::map<std::string, Flip>;  // by option

template <typename Product, typename... Args>
std::vector<OptionDescription> described(const std::string& name, const Args&... args) {
  std::vector<OptionDescription> out;
  try {
    Registry<Product, Args...>::instance().entries().at(name).make(Options::describing(out),
                                                                   args...);
  } catch (const Options::DescriptionDone&) {
  }
  return out;
}

template <typename Product, typename... Args>
std::unique_ptr<Product> make(const std::string& name, const std::string& base,
                              const std::string& setting, const Args&... args) {
  const std::string yaml =
      fmt::format("{{name: {}{}{}}}", name, base.empty() ? "" : ", " + base, ", " + setting);
  return Registry<Product, Args...>::instance().make(Options::from_text(yaml, yaml), args...);
}

/// What a result records of the options makes the same plugin again, and is recorded the same.
template <typename Product, typename... Args>
void check_resolved(const std::string& name, const std::string& base, const std::string& setting,
                    const Args&... args) {
  const std::string yaml =
      fmt::format("{{name: {}{}{}, {}}}", name, base.empty() ? "" : ", ", base, setting);
  const Options given = Options::from_text(yaml, yaml);
  Registry<Product, Args...>::instance().make(given, args...);
  const std::string resolved = given.resolved_yaml();
  const Options again = Options::from_text(resolved, "resolved: " + yaml);
  Registry<Product, Args...>::instance().make(again, args...);
  BOOST_TEST(again.resolved_yaml() == resolved, yaml);
}

/// Compares what `outcome` sees of a plugin with an option set to `one` and to `other`.
template <typename Product, typename... Args>
void check_plugin(const std::string& name, const Flips& flips,
                  const std::function<Numbers(Product&)>& outcome, const Args&... args) {
  const auto options = described<Product>(name, args...);
  BOOST_TEST(options.size() == flips.size(), name);
  for (const OptionDescription& option : options) {
    const auto flip = flips.find(option.key);
    BOOST_TEST((flip != flips.end()), name << ": no flip for the option " << option.key);
    if (flip == flips.end()) continue;
    const auto& [base, one, other, refusal] = flip->second;
    const auto a = make<Product>(name, base, option.key + ": " + one, args...);
    const auto same = make<Product>(name, base, option.key + ": " + one, args...);
    const Numbers seen = outcome(*a);
    check_resolved<Product>(name, base, option.key + ": " + one, args...);
    if (refusal.empty()) check_resolved<Product>(name, base, option.key + ": " + other, args...);
    BOOST_TEST((seen == outcome(*same)), name << ": " << option.key << " is not reproducible");
    const auto make_other = [&, &base = base, &other = other] {
      return make<Product>(name, base, option.key + ": " + other, args...);
    };
    if (refusal.empty())
      BOOST_TEST((seen != outcome(*make_other())),
                 name << ": " << option.key << " changes nothing");
    else
      BOOST_TEST(contains(error_of<ConfigError>([&] { make_other(); }), refusal),
                 name << ": " << option.key << " is not refused with: " << refusal);
  }
}

/// All plugins of a kind that have options are in the table, and nothing that is none.
template <typename Product, typename... Args>
void check_kind(const std::map<std::string, Flips>& table,
                const std::function<Numbers(Product&)>& outcome, const Args&... args) {
  const auto& entries = Registry<Product, Args...>::instance().entries();
  for (const auto& [name, entry] : entries) {
    BOOST_TEST((table.contains(name) || described<Product, Args...>(name, args...).empty()),
               name << " has options and is not in the table");
    if (table.contains(name))
      check_plugin<Product, Args...>(name, table.at(name), outcome, args...);
  }
  for (const auto& [name, flips] : table) BOOST_TEST(entries.contains(name), name);
}

}  // namespace quantdyn::test
