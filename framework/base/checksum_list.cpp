#include "framework/base/checksum_list.h"

#include <fstream>

#include "framework/base/durable_file.h"
#include "framework/base/error.h"
#include "framework/base/hash.h"

namespace quantdyn {
namespace {

constexpr size_t digits = 64;

}  // namespace

ChecksumList::ChecksumList(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::ifstream in(folder_ / file_name, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    const bool is_sum = line.find_first_not_of("0123456789abcdef") == digits &&
                        line.size() > digits + 2 && line.substr(digits, 2) == "  ";
    if (is_sum) sums_[line.substr(digits + 2)] = line.substr(0, digits);
  }
}

void ChecksumList::add(const std::string& name, std::span<const std::string> instead_of) {
  std::map<std::string, std::string> sums = sums_;
  sums[name] = sha256_of_file(folder_ / name);
  for (const std::string& other : instead_of) sums.erase(other);
  std::string text;
  for (const auto& [listed, sum] : sums) text += fmt::format("{}  {}\n", sum, listed);
  write_durably(folder_ / file_name, text);
  sums_ = std::move(sums);
  for (const std::string& other : instead_of) {
    std::error_code error;
    std::filesystem::remove(folder_ / other, error);
    if (error)
      throw_error<Error>("{}: cannot be removed: {}", (folder_ / other).string(), error.message());
  }
}

std::string ChecksumList::problem(const std::string& name) const try {
  const std::filesystem::path path = folder_ / name;
  const auto listed = sums_.find(name);
  if (listed == sums_.end())
    return fmt::format("{}: not listed in {}", path.string(), (folder_ / file_name).string());
  if (!std::filesystem::exists(path)) return fmt::format("{}: no such file", path.string());
  const std::string found = sha256_of_file(path);
  if (found == listed->second) return "";
  return fmt::format("{}: damaged or changed: its SHA-256 is {}, {} says {}", path.string(), found,
                     (folder_ / file_name).string(), listed->second);
} catch (const Error& e) {
  return e.what();
}

}  // namespace quantdyn
