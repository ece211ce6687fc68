#include "tests/fuzz/targets.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "framework/base/error.h"

namespace quantdyn::test {

void expect_error_at_most(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const Error& e) {
    static const bool is_told = std::getenv("QUANTDYN_FUZZ_TELL") != nullptr;
    if (is_told) std::fprintf(stderr, "refused: %s\n", e.what());
  }
}

std::filesystem::path as_file(Bytes bytes) {
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
