#include "experiments/text/folder_name.h"

#include <algorithm>
#include <cctype>

#include "framework/base/error.h"

namespace quantdyn {

void check_folder_name(const Options& where, const std::string& name) {
  const auto is_bad = [](unsigned char c) { return c == '/' || std::iscntrl(c); };
  if (name.empty() || name.front() == '.' || std::ranges::any_of(name, is_bad))
    where.refuse("name", fmt::format("'{}' cannot name a folder; accepted: text without '/' and "
                                     "control characters that does not start with '.'",
                                     name));
}

}  // namespace quantdyn
