// The affine quantizer's profiles against the toolkits that they are named after: the files
// <toolkit>_golden.txt, made by make_golden_<toolkit>.py; equal to the last bit but where a test
// names a difference.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <functional>
#include <sstream>

#include "tests/quant/golden/golden_values.h"
#include "tests/quant/helpers.h"

namespace quantdyn::test {
namespace {

/// A case of a golden file, and the lines under it.
struct GoldenCase {
  std::string kind, options;  // "tensor", "channel" or "ranges"
  std::vector<std::string> lines;
};

std::vector<GoldenCase> read_cases(const std::string& toolkit) {
  std::ifstream file(fmt::format("{}/golden/{}_golden.txt", TEST_DIRECTORY, toolkit));
  std::vector<GoldenCase> out;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string word;
    fields >> word;
    if (word == "case") {
      fields >> out.emplace_back().kind >> std::ws;
      std::getline(fields, out.back().options);
    } else if (word != "#") {
      out.back().lines.push_back(line);
    }
  }
  return out;
}

/// What a line says was found.
struct Golden {
  double scale = 0;
  int64_t zero_point = 0;
  std::string hash;  // of what the values became

  friend bool operator==(const Golden&, const Golden&) = default;
};
std::ostream& operator<<(std::ostream& out, const Golden& golden) {
  return out << fmt::format("{:a} {} {}", golden.scale, golden.zero_point, golden.hash);
}

Golden found(const Quantization& quantization, int64_t entry, const std::vector<float>& y) {
  const auto affine = quantization.affine(entry);
  return {affine->scale, affine->zero_point, y.empty() ? "" : hash_of(y)};
}

/// What we find for the values of each channel, one channel at a time or all at once.
std::vector<Golden> found_for_values(const GoldenCase& golden, const std::vector<float>& x) {
  const bool is_per_channel = golden.kind == "channel";
  const auto scheme = quantizer(fmt::format("{{name: affine, {}{}}}", golden.options,
                                            is_per_channel ? ", granularity: per_channel" : ""));
  const auto quantize = [&](const std::vector<float>& values, int64_t channels) {
    const auto observer = estimator("minmax")->observe({"x", channels, scheme.get()});
    show(values, channels, *observer);
    return scheme->fit({"x", channels, observer->ranges(), {}});
  };
  std::vector<Golden> out;
  if (is_per_channel) {
    const auto quantization = quantize(x, golden_channels);
    const std::vector<float> y = applied(*quantization, x, golden_channels);
    for (int64_t c = 0; c < golden_channels; ++c)
      out.push_back(found(*quantization, c, column(y, c)));
  } else {
    for (int64_t c = 0; c < golden_channels; ++c) {
      const auto quantization = quantize(column(x, c), 1);
      out.push_back(found(*quantization, 0, applied(*quantization, column(x, c))));
    }
  }
  return out;
}

Golden parse(std::istringstream& fields) {
  Golden out;
  std::string scale;
  fields >> scale >> out.zero_point >> out.hash;
  out.scale = std::stod(scale);
  return out;
}

/// Whether the toolkit is known to differ for a channel of a case.
using Differs = std::function<bool(const GoldenCase&, int64_t channel)>;

void compare_values(const GoldenCase& golden, const std::vector<float>& x, const Differs& differs) {
  const std::vector<Golden> all = found_for_values(golden, x);
  BOOST_TEST(golden.lines.size() == all.size());
  for (const std::string& line : golden.lines) {
    std::istringstream fields(line);
    int64_t channel = 0;
    fields >> channel;
    const Golden theirs = parse(fields), ours = all[channel];
    if (differs && differs(golden, channel)) {
      BOOST_TEST(ours != theirs, golden.options << ", channel " << channel << " is equal now");
      continue;
    }
    BOOST_TEST(ours == theirs, golden.kind << " " << golden.options << ", channel " << channel
                                           << ": " << ours << " and not " << theirs);
  }
}

void compare_ranges(const GoldenCase& golden) {
  const auto scheme = quantizer(fmt::format("{{name: affine, {}}}", golden.options));
  for (const std::string& line : golden.lines) {
    std::istringstream fields(line);
    std::string low, high;
    fields >> low >> high;
    const Golden theirs = parse(fields);
    const Range range{std::stod(low), std::stod(high)};
    const Golden ours = found(*scheme->fit({"x", 1, {range}, {}}), 0, {});
    BOOST_TEST(ours == theirs, "ranges " << golden.options << " " << line << ": " << ours);
  }
}

void compare(const std::string& toolkit, size_t cases, const Differs& differs = nullptr) {
  const std::vector<float> x = golden_values();
  const std::vector<GoldenCase> all = read_cases(toolkit);
  BOOST_TEST(all.size() == cases);
  for (const GoldenCase& golden : all)
    if (golden.kind == "ranges")
      compare_ranges(golden);
    else
      compare_values(golden, x, differs);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(golden)

BOOST_AUTO_TEST_CASE(profile_torch_equals_torch) { compare("torch", 15); }

BOOST_AUTO_TEST_CASE(profile_onnx_equals_onnxruntime) { compare("onnx", 21); }

BOOST_AUTO_TEST_CASE(profile_tflite_equals_tensorflow_lite) {
  // The converter widens ranges no wider than 1e-6 to 8 bits, but gives 16-bit ones the scale
  // max(max|x|, 2^-126) / 32767, a denormal: those all zero, and those of denormals, differ.
  compare("tflite", 5, [](const GoldenCase& golden, int64_t channel) {
    return contains(golden.options, "bit_width: 16") && (channel == 0 || channel == 6);
  });
}

BOOST_AUTO_TEST_CASE(profile_aimet_equals_aimet_onnx) {
  // AIMET chooses unsigned codes for each channel by itself: here those of a tensor are alike, and
  // channels without negative values are signed where another channel has some.
  compare("aimet", 24, [](const GoldenCase& golden, int64_t channel) {
    const bool is_positive =
        channel == 1 || channel == 2 || channel == 4 || channel == 8 || channel == 10;
    return golden.kind == "channel" && contains(golden.options, "signed: auto") && is_positive;
  });
}

BOOST_AUTO_TEST_CASE(aimet_torch_is_torch_with_ranges_of_its_own) { compare("aimet_torch", 18); }

BOOST_AUTO_TEST_SUITE_END()
}  // namespace quantdyn::test
