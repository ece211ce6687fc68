// The evaluation of a convolution's chain: taps see conv, norm and output while they are in the
// cache.
#include <algorithm>

#include "framework/base/threads.h"
#include "layers/codes/values.h"
#include "layers/fused/code_sums.h"
#include "layers/fused/convolution_chain.h"
#include "layers/fused/rows.h"

namespace quantdyn {
namespace {

class ConvolutionEvaluation final : public EvaluationStep,
                                    public ParameterReader,
                                    public CodeMultiplier {
 public:
  ConvolutionEvaluation(const Network& network, std::vector<int> nodes,
                        ConvolutionAlgorithm algorithm)
      : EvaluationStep(std::move(nodes)),
        chain_(network, this->nodes(), algorithm),
        ends_unit_(network.units()[network.nodes()[this->nodes().front()].unit].last ==
                   this->nodes().back()),
        channels_(chain_.channels()),
        ones_(channels_, 1.0f),
        zeros_(channels_, 0.0f),
        scale_(channels_) {}

  ParameterReader* parameter_reader() override { return this; }
  void prepare() override {
    chain_.kernel->prepare_forward(chain_.linear.weight->read());
    scale_.take_parameters(chain_);
    if (codes_) use(make_code_sums(chain_.kernel->conv, *codes_, chain_.linear.weight->read()));
  }

  CodeMultiplier* code_multiplier() override { return this; }
  bool take_codes(const ProductCodes& codes) override {
    auto sums = make_code_sums(chain_.kernel->conv, codes, chain_.linear.weight->read());
    if (!sums) return false;
    codes_ = codes;
    use(std::move(sums));
    return true;
  }

  std::optional<CodeGrid> input_grid() const override {
    return sums_ ? std::optional(sums_->input()) : std::nullopt;
  }
  bool prepare_output(const CodeTransform& output) override {
    const std::optional<CodeGrid> grid = output.grid();
    if (!sums_ || !grid || chain_.norm || chain_.ends || !ends_unit_) return false;
    code_map_.emplace(output_map_, output, *grid);
    return code_map_->is_usable;
  }
  void codes_to_values(float* y, int64_t count) const override {
    quantdyn::codes_to_values(code_map_->grid, count, y);
  }

  int64_t scratch_floats() const override {
    return std::max(chain_.kernel->scratch_floats(),
                    code_scratch_floats(chain_.kernel->conv, images_per_chunk));
  }

  double computed_share() const override { return sums_ ? 1 : chain_.kernel->computed_share(); }

  void evaluate(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                const EvaluationChunk& chunk) const override {
    if (chunk.writes_codes) return write_codes(x, y, taps, chunk);
    evaluate_values(x, y, taps, chunk);
  }

  std::optional<TapMap> norm_of_conv() const override {
    if (chain_.norm == nullptr) return {};
    return TapMap{scale_.scale, [this](float* values, int64_t rows) {
                    apply_map(scale_.map(FusedActivation::none), values, channels_, rows, channels_,
                              values);
                  }};
  }

 private:
  void use(std::unique_ptr<CodeSums> sums) {
    sums_ = std::move(sums);
    const float* const bias = chain_.norm ? nullptr : chain_.linear.bias->read();
    sum_map_ = sums_->map(bias, ends_of(FusedActivation::none));
    output_map_ = sums_->map(bias, ends_of(chain_.activation));
  }

  void evaluate_values(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                       const EvaluationChunk& chunk) const {
    const int64_t valid = y.shape.of_one().rows() * chunk.images;
    const auto is_bare_at = [&](TapKind kind) { return taps[static_cast<size_t>(kind)].empty(); };
    const bool is_bare = !chain_.ends && is_bare_at(TapKind::conv) && is_bare_at(TapKind::norm) &&
                         (!ends_unit_ || is_bare_at(TapKind::output));
    const int64_t all = y.shape.rows(), enough = rows_per_tile(channels_);
    int64_t finished = 0;
    const auto finish = [&](int64_t end, int64_t of, bool has_bias) {
      if (is_bare || (end - finished < enough && end < of)) return;
      finish_rows(y.data, finished, end - finished, valid, has_bias, taps, chunk);
      finished = end;
    };
    if (chunk.x_codes || (sums_ && sums_->read(x[0].data, chunk.images, chunk.scratch))) {
      const bool is_final = is_bare && chain_.norm == nullptr;
      sums_->run({x[0].data, chunk.x_codes}, chunk.images, is_final ? output_map_ : sum_map_,
                 y.data, chunk.scratch, [&](int64_t first, int64_t rows) {
                   finish(first + rows, valid, chain_.norm == nullptr);
                 });
      if (is_bare && !is_final) finish_rows(y.data, 0, valid, valid, false, taps, chunk);
      return;
    }
    const ChannelMap map = scale_.map(chain_.activation);
    chain_.kernel->forward({x[0].data}, images_per_chunk, y.data, is_bare ? &map : nullptr,
                           chunk.scratch, [&](int64_t first, int64_t rows) {
                             finish(first + rows, all, false);  // in order; a few wait for more
                           });
  }

  void write_codes(std::span<const View<const float>> x, View<float> y, const UnitTaps& taps,
                   const EvaluationChunk& chunk) const {
    auto* const codes = reinterpret_cast<uint8_t*>(y.data);
    if (chunk.x_codes || sums_->read(x[0].data, chunk.images, chunk.scratch))
      return sums_->run({x[0].data, chunk.x_codes}, chunk.images, *code_map_, codes, chunk.scratch);
    EvaluationChunk as_values = chunk;  // of inputs off the grid: only the output has codes
    as_values.writes_codes = false;
    evaluate_values(x, y, taps, as_values);
    const int64_t count = chunk.images * y.shape.of_one().elements();
    if (!quantdyn::take_codes(code_map_->grid, y.data, count, codes)) *chunk.is_off_grid = true;
  }

  /// Shows conv, norm and output while the rows are in the cache; no tap sees padding images.
  /// `has_bias`: y is the norm's tap already.
  void finish_rows(float* y, int64_t first, int64_t rows, int64_t valid, bool has_bias,
                   const UnitTaps& taps, const EvaluationChunk& chunk) const {
    const Tap& conv_tap = taps[static_cast<size_t>(TapKind::conv)];
    const Tap& norm_tap = taps[static_cast<size_t>(TapKind::norm)];
    const Tap& output_tap = taps[static_cast<size_t>(TapKind::output)];
    const ChannelMap norm = scale_.map(FusedActivation::none);
    const ChannelMap activation{ones_.data(), zeros_.data(), chain_.activation};
    const int64_t tile = rows_per_tile(channels_);
    for (int64_t row = first; row < first + rows; row += tile) {
      float* const at = y + row * channels_;
      const int64_t count = std::min(tile, first + rows - row);
      const int64_t seen = std::clamp<int64_t>(valid - row, 0, count);
      if (chain_.norm) visit(conv_tap, at, seen, channels_, row, chunk);
      if (!has_bias) apply_map(norm, at, channels_, count, channels_, at);
      visit(norm_tap, at, seen, channels_, row, chunk);
      if (chain_.ends)
        clip_channels(at, count, channels_, chain_.ends->low->read(), chain_.ends->high->read());
      else
        apply_map(activation, at, channels_, count, channels_, at);
      if (ends_unit_) visit(output_tap, at, seen, channels_, row, chunk);
    }
  }

  const ConvolutionChain chain_;
  const bool ends_unit_;  // else the activation is a step of its own and shows the output
  const int64_t channels_;
  const std::vector<float> ones_, zeros_;
  ChainScale scale_;
  std::optional<ProductCodes> codes_;
  std::unique_ptr<CodeSums> sums_;  // null: products of values
  std::optional<CodeMap> code_map_;
  SumMap sum_map_, output_map_;  // to the norm's tap (the convolution's, before a norm); to y
};

}  // namespace

std::unique_ptr<EvaluationStep> make_convolution_evaluation(const Network& network,
                                                            std::vector<int> nodes,
                                                            ConvolutionAlgorithm algorithm) {
  return std::make_unique<ConvolutionEvaluation>(network, std::move(nodes), algorithm);
}

}  // namespace quantdyn
