// Which files of a folder are finished: its SHA256SUMS, text for `sha256sum -c SHA256SUMS`.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

namespace quantdyn {

/// A file is finished once it is listed with the SHA-256 that it has. Lines that are no checksum
/// list nothing.
class ChecksumList {
 public:
  static constexpr const char* file_name = "SHA256SUMS";

  /// Reads the folder's list, if there is one.
  explicit ChecksumList(std::filesystem::path folder);

  /// Lists a file of the folder as it is now, and others no more; once the list is on the disk, it
  /// removes those. Error: the file cannot be read, or the list not be written, which then
  /// stays as it was; or another file cannot be removed.
  void add(const std::string& name, std::span<const std::string> instead_of = {});

  /// Names of the listed files and their SHA-256, sorted by name.
  const std::map<std::string, std::string>& sums() const { return sums_; }
  /// "" if the file is finished; otherwise what is wrong, with its path. Reads the whole file.
  std::string problem(const std::string& name) const;

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::string> sums_;
};

}  // namespace quantdyn
