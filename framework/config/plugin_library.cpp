#include "framework/config/plugin_library.h"

#include <dlfcn.h>
#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "framework/base/error.h"
#include "framework/base/hash.h"
#include "framework/base/printable.h"
#include "framework/base/text_file.h"
#include "framework/base/version.h"
#include "framework/config/registration.h"

namespace quantdyn {
namespace {

namespace fs = std::filesystem;

std::vector<PluginLibrary>& loaded() {
  static std::vector<PluginLibrary> libraries;
  return libraries;
}

[[noreturn]] void refuse_version(const fs::path& file, const std::string& built_for) {
  throw_error<ConfigError>(
      "{}: was built for quantdyn {}, this is quantdyn {}; accepted: a plugin compiled with this "
      "one's headers",
      file.string(), built_for, library_abi);
}

/// The quantdyn that a library is linked with, by its soname; empty where it is not.
std::string linked_version(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  const std::string text = std::move(bytes).str(), soname = "libquantdyn.so.";
  const size_t found = text.find('\0' + soname);
  return found == std::string::npos ? "" : text.c_str() + found + 1 + soname.size();
}

/// The loader maps a file that is shorter than its headers say, and then dies of SIGBUS.
void check_length(const fs::path& file, const fs::path& given) {
  std::ifstream in(file, std::ios::binary);
  Elf64_Ehdr header{};
  in.read(reinterpret_cast<char*>(&header), sizeof header);
  if (!in || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64)
    return;  // the loader says what it is
  const uint64_t size = fs::file_size(file);
  const auto check = [&](uint64_t begin, uint64_t bytes) {
    if (begin > size || bytes > size - begin)
      throw_error<ConfigError>("{}: cut short: it has {} bytes, its headers speak of more",
                               given.string(), size);
  };
  check(header.e_shoff, uint64_t{header.e_shnum} * header.e_shentsize);
  check(header.e_phoff, uint64_t{header.e_phnum} * sizeof(Elf64_Phdr));
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    in.seekg(static_cast<std::streamoff>(header.e_phoff + i * sizeof segment));
    in.read(reinterpret_cast<char*>(&segment), sizeof segment);
    check(segment.p_offset, segment.p_filesz);
  }
}

/// A name that YAML files could not use, or would mean something else by.
void check_name(const fs::path& given, const std::string& name) {
  const bool is_word = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (!is_word)
    throw_error<ConfigError>(
        "{}: a plugin is called '{}'; accepted: a name of letters, digits, '_', '-' and '.'",
        given.string(), quotable(name));
  if (std::ranges::find(reserved_names(), name) != reserved_names().end())
    throw_error<ConfigError>(
        "{}: a plugin is called '{}', which means something else in YAML files; accepted: another "
        "name",
        given.string(), name);
}

void open(const fs::path& file, const fs::path& given) {
  if (dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr)
    throw_error<ConfigError>(
        "{}: cannot be loaded: {}; accepted: a shared library built for quantdyn {}",
        given.string(), dlerror(), library_abi);
}

}  // namespace

void load_plugin_library(const fs::path& given) {
  if (!is_file(given))
    throw_error<ConfigError>("{}: {}; accepted: a shared library with plugins", given.string(),
                             why_no_file(given));
  const fs::path file = fs::canonical(given);
  if (std::ranges::find(loaded(), file, &PluginLibrary::file) != loaded().end()) return;
  if (const std::string version = linked_version(file); !version.empty() && version != library_abi)
    refuse_version(given, version);
  check_length(file, given);
  const std::string sha256 = sha256_of_file(file);
  const auto registrations = registrations_of([&] { open(file, given); });
  for (const Registration& registration : registrations)
    if (registration.built_for != library_abi) refuse_version(given, registration.built_for);
  if (registrations.empty())
    throw_error<ConfigError>("{}: registers no plugin; accepted: a library with one",
                             given.string());
  for (const Registration& registration : registrations) check_name(given, registration.name);
  for (const Registration& registration : registrations) try {
      registration.add();
    } catch (const Error& e) {
      throw_error<ConfigError>("{}: {}", given.string(), e.what());
    }
  loaded().push_back({file, sha256});
}

std::vector<std::string>& reserved_names() {
  static std::vector<std::string> names{"none"};
  return names;
}

const std::vector<PluginLibrary>& plugin_libraries() { return loaded(); }

fs::path library_file() {
  Dl_info about{};
  if (dladdr(reinterpret_cast<const void*>(&plugin_libraries), &about) == 0)
    throw_error("the system's loader does not know where quantdyn is");
  return fs::canonical(about.dli_fname);
}

}  // namespace quantdyn
