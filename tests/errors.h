// What a refusal says, for tests of its words.
#pragma once

#include <functional>
#include <string>

#include "framework/base/error.h"

namespace quantdyn {

/// The message of the error of type `Kind` that `act` throws; "" where it throws none.
template <typename Kind = Error>
std::string error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Kind& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace quantdyn
