// Options of a text, and what it is refused for.
#pragma once

#include <string>
#include <vector>

#include "framework/config/options.h"
#include "tests/errors.h"

namespace quantdyn::test {

inline Options parse(const std::string& yaml, const std::vector<std::string>& sets = {}) {
  return Options::from_text(yaml, "a.yaml", "/data", sets);
}

inline std::string refusal_of(const std::string& yaml, const std::vector<std::string>& sets = {}) {
  return error_of<ConfigError>([&] { parse(yaml, sets); });
}

inline int64_t epochs(const Options& options) {
  return options.integer("epochs", 5, accept::at_least<int64_t>(1), "passes");
}

enum class Rounding { even, away };

}  // namespace quantdyn::test
