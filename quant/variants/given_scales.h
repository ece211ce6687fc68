// Scales and zero points that another tool chose for a net, as a variant's.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "quant/schemes/quantize.h"
#include "quant/variants/unit_schemes.h"

namespace quantdyn {

/// One tensor's: value = scale (code - zero_point).
struct GivenScale {
  int bit_width;                    ///< 4, 8 or 16
  bool is_signed;                   ///< codes start at -2^(bit_width - 1)
  std::vector<float> scale;         ///< one, or one for each (output) channel
  std::vector<int64_t> zero_point;  ///< as many, within the codes

  /// By entry, as `affine` takes them (FittingTask::given).
  std::vector<AffineParameters> parameters() const;
  /// By entry: the values of the lowest and the highest code.
  std::vector<Range> ranges() const;
};

struct GivenScales {
  std::string source;                      ///< for the record: the file's name and SHA-256
  std::map<TensorId, GivenScale> tensors;  ///< weights and outputs
  bool has_int32_biases = false;
};

/// Reads the file that `from:` names for a net. Throws ConfigError.
using GivenScalesReader =
    std::function<GivenScales(const std::filesystem::path& file, const Network& network)>;

/// The schemes that give exactly these scales, by unit: `affine` of profile onnx. Their estimator
/// cannot estimate.
std::vector<UnitSchemes> schemes_of(const GivenScales& given, const Network& network);

}  // namespace quantdyn
