#include "tests/fuzz/targets.h"

#include <hdf5.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "framework/base/error.h"

namespace quantdyn::test {
namespace {

/// An open file takes over half a MiB, which libhdf5 gives back each time and the address sanitizer
/// has to map anew. With these limits libhdf5 keeps it.
void keep_memory_of_open_files() {
  constexpr int all_lists = 64 << 20, one_list = 16 << 20, as_before = 1 << 20;
  H5set_free_list_limits(all_lists, one_list, as_before, as_before, as_before, as_before);
}

}  // namespace

void expect_error_at_most(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const Error& e) {
    static const bool is_told = std::getenv("QUANTDYN_FUZZ_TELL") != nullptr;
    if (is_told) std::fprintf(stderr, "refused: %s\n", e.what());
  }
}

std::filesystem::path as_file(Bytes bytes) {
  static const bool is_kept = (keep_memory_of_open_files(), true);
  (void)is_kept;
  const char* const folder = std::getenv("QUANTDYN_FUZZ_FOLDER");
  const std::filesystem::path file =
      (folder ? std::filesystem::path(folder) : std::filesystem::temp_directory_path()) /
      fmt::format("quantdyn_fuzz_{}", ::getpid());
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) std::abort();
  return file;
}

}  // namespace quantdyn::test
