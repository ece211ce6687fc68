// same_result A.h5 B.h5: exit code 0 if both are results with the same numbers to the last bit.
// same_result --images FILE.h5: writes a small data set, for runs whose images stay in their file.
#include <iostream>

#include "experiments/results/result_equality.h"
#include "framework/base/error.h"

using namespace quantdyn;

namespace {

void write_images(const char* path) {
  h5::File file = h5::File::create(path);
  for (const auto& [split, images] :
       {std::pair<std::string, int64_t>{"train", 512}, {"test", 64}}) {
    std::vector<uint8_t> pixels(static_cast<size_t>(images) * 32 * 32 * 3);
    std::vector<int64_t> labels(static_cast<size_t>(images));
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<uint8_t>(i * 2654435761u >> 24);
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int64_t>(i % 10);
    const std::vector<int64_t> sizes{images, 32, 32, 3};
    file.write<uint8_t>(split + "_x", sizes, pixels);
    file.write<int64_t>(split + "_y", std::vector<int64_t>{images}, labels);
  }
  file.commit();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) throw_error("expected two results");
  if (std::string(argv[1]) == "--images") {
    write_images(argv[2]);
    return 0;
  }
  const std::string difference = first_difference(ResultReader(argv[1]), ResultReader(argv[2]));
  if (!difference.empty()) std::cout << difference << "\n";
  return difference.empty() ? 0 : 1;
} catch (const std::exception& e) {
  std::cout << e.what() << "\n";
  return 2;
}
