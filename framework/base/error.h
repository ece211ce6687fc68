// The two kinds of error that quantdyn throws, and the one way to throw them.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace quantdyn {

/// Something went wrong while running (exit code 1): what was wrong, what was found, what is
/// accepted.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The user asked for something impossible (exit code 2): a bad option, file or combination,
/// found before any compute.
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// Throws `Kind` with a formatted message: throw_error<ConfigError>("{}: no such file", path).
template <typename Kind = Error, typename... Args>
[[noreturn]] void throw_error(fmt::format_string<Args...> message, Args&&... args) {
  throw Kind(fmt::format(message, std::forward<Args>(args)...));
}

}  // namespace quantdyn
