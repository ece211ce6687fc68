// A linear layer by sums of products of codes, for a chunk of images.
#pragma once

#include <functional>
#include <memory>

#include "framework/graph/convolution.h"
#include "framework/run/product_codes.h"
#include "layers/codes/maps.h"

namespace quantdyn {

/// Images [images,H,W,C] whose values have codes: as codes, or as values that have been read.
struct CodedImages {
  const float* values;
  const uint8_t* codes = nullptr;
};

/// One layer with one set of codes; see CodeMultiplier. All calls are for one chunk, on the calling
/// thread; `scratch` has code_scratch_floats().
class CodeSums {
 public:
  using RowsDone = std::function<void(int64_t first, int64_t rows)>;

  virtual ~CodeSums() = default;
  /// Whether x [images,H,W,C] holds values of the input's grid alone; keeps their codes in scratch.
  virtual bool read(const float* x, int64_t images, float* scratch) const = 0;
  /// y [images,P,Q,K] = map(sum of products). Call it after read() has returned true for the same
  /// images, or with x as codes less the lowest one.
  virtual void run(const CodedImages& x, int64_t images, const SumMap& map, float* y,
                   float* scratch, const RowsDone& done) const = 0;
  /// The same with codes as results, less the lowest one.
  virtual void run(const CodedImages& x, int64_t images, const CodeMap& map, uint8_t* y,
                   float* scratch) const = 0;
  /// The map that multiplies sums by the scales of both factors and adds `bias` [K]; null: none.
  SumMap map(const float* bias, const Ends& ends) const;
  const CodeGrid& input() const { return input_; }

 protected:
  CodeSums(const Convolution& conv, const ProductCodes& codes);

  const Convolution conv_;
  const CodeGrid input_;

 private:
  std::vector<double> scale_;
};

/// Null if codes cannot be summed (CodeMultiplier::take_codes). Throws Error (layer) if `weight` is
/// not what the codes say.
std::unique_ptr<CodeSums> make_code_sums(const Convolution& conv, const ProductCodes& codes,
                                         const float* weight);
/// For chunks of `images`; 0 for layers that never sum codes.
int64_t code_scratch_floats(const Convolution& conv, int64_t images);

}  // namespace quantdyn
